import { type MonoTypeOperatorFunction, Observable, type Subscription } from 'rxjs'
import type { Attempt } from '../src/batch-run.ts'
import { PartitionStalledError } from '../src/errors.ts'
import { longTimer } from '../src/timer.ts'
import type { Watchdog } from '../src/watchdog.ts'

/**
 * Fails an attempt in which nothing has moved for too long, so that it is aborted and tried again while other partitions go on.
 *
 * A chunk that came, a write that ended and bytes that were reported are moves; and who waits on purpose (for a quota, a circuit, before another try)
 * isn't stuck. How long is too long depends on how often something moves here: see {@link Watchdog}.
 * **Hazard**: a writer that ignores its abort signal keeps the attempt from ending; what was begun must settle first.
 *
 * ```
 * source     a-b----------…       (limit 5)
 * result     a-b----#             a `watchdog` event, then PartitionStalledError
 * ```
 *
 * @param watchdog `undefined`: nobody watches.
 * @returns the source's values; fails with the source's error, or with `PartitionStalledError`, which is worth another attempt.
 */
export function watchProgress<T>(attempt: Attempt, watchdog: Watchdog | undefined): MonoTypeOperatorFunction<T> {
  if (watchdog === undefined) return (source) => source
  const { scheduler, emit } = attempt.run
  return (source) =>
    new Observable((subscriber) => {
      let timer: Subscription | undefined
      let reported = reportedIn(attempt)
      let movedAt = scheduler.now()

      const look = (): void => {
        const now = scheduler.now()
        // Reported bytes have no time of their own: they count from the look that sees them.
        const waits = isWaiting(attempt)
        const { lastReadAt, lastWriteAt, clock } = attempt
        movedAt =
          waits || reportedIn(attempt) !== reported
            ? now
            : Math.max(movedAt, lastReadAt, lastWriteAt, clock.waitedUntil)
        reported = reportedIn(attempt)
        const limitMs = watchdog.limitMs(attempt)
        const idleMs = now - movedAt
        if (idleMs < limitMs) {
          timer = longTimer(Math.max(1, limitMs - idleMs), scheduler).subscribe(look)
          return
        }
        const figures = attempt.liveFigures
        emit({ type: 'watchdog', ...attempt.place, idleMs, limitMs, figures })
        subscriber.error(
          new PartitionStalledError(
            `nothing moved for ${idleMs} ms (${figures.activity}), where ${Math.round(limitMs)} ms are allowed`,
          ),
        )
      }

      timer = longTimer(watchdog.limitMs(attempt), scheduler).subscribe(look)
      subscriber.add(() => {
        timer?.unsubscribe()
        watchdog.learn(attempt)
      })
      subscriber.add(source.subscribe(subscriber))
    })
}

function reportedIn({ bytesRead, bytesWritten }: Attempt): number {
  return bytesRead + bytesWritten
}

function isWaiting({ clock: { activity } }: Attempt): boolean {
  return activity === 'quota' || activity === 'breaker' || activity === 'backoff'
}
