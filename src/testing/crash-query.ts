import { merge, of, type SchedulerLike, takeWhile } from 'rxjs'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import type { QueryOptions } from '../query-options.ts'
import type { TriggerFunction } from '../trigger.ts'

/** How the query of an exploration runs. */
export function exploredQuery(
  checkpoint: Checkpoint,
  trigger: TriggerFunction,
  maxRows: number,
  scheduler: SchedulerLike,
): QueryOptions<never> {
  const retry = { maxAttempts: 2, random: () => 0 }
  return { name: 'explored', checkpoint, trigger, limit: { maxRows }, retry, scheduler }
}

/** Ticks until nothing is left; as often as any pipeline that moves can need. */
export function untilExhausted(exhausted: () => boolean, rows: number): TriggerFunction {
  return ({ outcome$ }) => {
    let ticks = 0
    const more = outcome$.pipe(
      takeWhile(({ batchId }) => ++ticks < 10 * rows && !(batchId === undefined && exhausted())),
    )
    return merge(more, of(undefined))
  }
}
