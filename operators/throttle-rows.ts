import { asyncScheduler, type MonoTypeOperatorFunction, Observable, type SchedulerLike } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'
import { type Duration, durationMs, positiveDurationRule } from '../src/duration.ts'
import { OptionError } from '../src/errors.ts'
import { MovingWindow } from '../src/moving-window.ts'
import { required, rules, validateOptions } from '../src/options.ts'
import { currentPartition } from '../src/partition-scope.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'
import { Turnstile } from '../src/turnstile.ts'

/** Options of {@link throttleRows}. */
export interface ThrottleRowsOptions {
  /** At most so many rows … */
  readonly rows: number
  /** … in any length of time like this: milliseconds, or a text such as '1 minute'. */
  readonly per: Duration
  /** Rows that may pass at one moment, up to `rows`. Fewer spread them: 10 of 100 a minute are 10 every 6 seconds. @default rows */
  readonly burst?: number
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

/**
 * Lets no more than so many rows pass in any window of time, however it is laid.
 *
 * Rows keep their order. A chunk passes as far as there is room, the rest of it when there is room again; pieces are no smaller than a tenth of `burst`,
 * but for the last one of a chunk.
 * What waits counts as unwritten, so that the source waits too. Rows of an attempt that failed have passed, and count.
 *
 * ```
 * source     (A|)                  A: a chunk of five rows
 * throttleRows({ rows: 2, per: 4 })
 * result     b---c---(d|)          chunks of two, two and one
 * ```
 *
 * The limit is that of the operator, not of a partition: all that it is applied to, partitions side by side and one batch after the other, share it, and take turns.
 * Call `throttleRows` twice for two limits. **Hazard**: another process has a limit of its own.
 *
 * @throws OptionError
 */
export function throttleRows<Row extends object>(
  options: ThrottleRowsOptions,
): MonoTypeOperatorFunction<readonly Row[]> {
  const turnstile = turnstileOf(options)
  return deterministic((source: Observable<readonly Row[]>) => {
    const applied = currentPartition() // what stands before it may put off the subscription
    return new Observable<readonly Row[]>((subscriber) => {
      const scope = applied ?? currentPartition()
      const demand = scope?.demand
      const waiting: (readonly Row[])[] = []
      let passed = 0 // rows of the first chunk
      let leave: (() => void) | undefined
      let looping = false
      let sourceDone = false

      const pass = (chunk: readonly Row[], count: number): void => {
        const piece = count === chunk.length ? chunk : chunk.slice(passed, passed + count)
        passed += count
        const last = passed >= chunk.length
        if (last) {
          waiting.shift()
          passed = 0
        }
        subscriber.next(piece)
        if (last) demand?.remove()
      }
      const ask = (chunk: readonly Row[]): void => {
        let granted = false
        const cancel = turnstile.enter(chunk.length - passed, (count) => {
          if (leave !== undefined) scope?.waits?.(undefined)
          granted = true
          leave = undefined
          pass(chunk, count)
          proceed()
        })
        if (granted) return
        leave = cancel
        scope?.waits?.('quota')
      }
      const proceed = (): void => {
        if (looping) return
        looping = true
        for (
          let chunk = waiting[0];
          chunk !== undefined && leave === undefined && !subscriber.closed;
          chunk = waiting[0]
        ) {
          if (chunk.length === 0) pass(chunk, 0)
          else ask(chunk)
        }
        looping = false
        if (sourceDone && waiting.length === 0) subscriber.complete()
      }

      subscriber.add(() => {
        leave?.()
        if (leave !== undefined) scope?.waits?.(undefined)
      })
      subscribeWithin(subscriber, source, {
        next: (chunk) => {
          demand?.add()
          waiting.push(chunk)
          proceed()
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          sourceDone = true
          proceed()
        },
      })
    })
  })
}

function turnstileOf(options: ThrottleRowsOptions): Turnstile {
  const owner = 'throttleRows'
  validateOptions(owner, options, {
    rows: required(rules.positiveInteger),
    per: required(positiveDurationRule),
    burst: rules.positiveInteger,
    scheduler: rules.object,
  })
  const { rows, burst = rows, scheduler = asyncScheduler } = options
  if (burst > rows)
    throw new OptionError(`${owner}: option "burst" must not be more than "rows", ${rows}, and it is ${burst}`)
  const perMs = durationMs(options.per, owner, 'per')
  const spread = burst < rows ? [new MovingWindow(burst, (perMs * burst) / rows)] : []
  return new Turnstile([new MovingWindow(rows, perMs), ...spread], Math.ceil(burst / 10), scheduler)
}
