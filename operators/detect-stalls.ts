import { Observable, type OperatorFunction, type SchedulerLike, type Subscription } from 'rxjs'
import type { QueryEventBody } from '../src/events.ts'
import { longTimer } from '../src/timer.ts'

type Stall = Extract<QueryEventBody, { readonly type: 'stall' }>

/** An attempt that is under way. */
interface Watched {
  readonly place: Omit<Stall, 'type' | 'idleMs'>
  /** When it was last heard of, milliseconds. */
  at: number
  told: boolean
}

/**
 * Tells when a partition that is being read has given nothing for a while: a chunk neither came nor, as the writer is full, was asked for.
 *
 * Once for each silence: the next chunk ends it. A partition that waits to be tried again is not being read.
 * One timer runs, however many chunks and partitions there are; it outlives them, because another one is about to begin.
 *
 * An event that says when it was (`at`) counts from then, any other from when it is heard.
 *
 * @param stallAfterMs milliseconds; Infinity: never.
 * @returns an Observable of `stall` events, to be merged into the run's. Fails with the source of events only.
 */
export function detectStalls(
  stallAfterMs: number,
  scheduler: SchedulerLike,
): OperatorFunction<QueryEventBody, QueryEventBody> {
  return (events) =>
    new Observable((subscriber) => {
      const running = new Map<number, Watched>()
      let timer: Subscription | undefined
      const momentOf = (event: QueryEventBody & { readonly at?: number }): number => event.at ?? scheduler.now()

      const look = (): void => {
        timer = undefined
        const now = scheduler.now()
        for (const watched of running.values()) {
          const idleMs = now - watched.at
          if (watched.told || idleMs < stallAfterMs) continue
          watched.told = true
          subscriber.next({ type: 'stall', ...watched.place, idleMs })
        }
        wait()
      }
      const wait = (): void => {
        if (timer !== undefined || stallAfterMs === Infinity) return
        let oldest = Infinity
        for (const { told, at } of running.values()) if (!told && at < oldest) oldest = at
        if (oldest === Infinity) return
        timer = longTimer(oldest + stallAfterMs - scheduler.now(), scheduler).subscribe(look)
      }

      subscriber.add(() => timer?.unsubscribe())
      subscriber.add(
        events.subscribe({
          next: (event) => {
            switch (event.type) {
              case 'partition-started': {
                const { batchId, partitionId, partition, attempt } = event
                const place = { batchId, partitionId, partition, attempt }
                running.set(partitionId, { place, at: momentOf(event), told: false })
                wait()
                break
              }
              case 'partition-progress': {
                const watched = running.get(event.partitionId)
                if (watched === undefined) break
                watched.at = momentOf(event)
                if (!watched.told) break
                watched.told = false
                wait()
                break
              }
              case 'partition-finished':
              case 'partition-failed':
                running.delete(event.partitionId)
                break
              // Those that were left because another one failed don't tell that they ended.
              case 'planned':
              case 'idle':
                running.clear()
                break
            }
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      )
    })
}
