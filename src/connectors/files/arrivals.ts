import { watch } from 'node:fs'
import { auditTime, delay, Observable, type SchedulerLike } from 'rxjs'

/** Events of one folder that come within so many milliseconds are told once. */
const togetherMs = 50

/**
 * Emits when something happened in a folder, once the files may have settled. Where the system can't watch (a network drive, no more watches),
 * it ends without a word: triggers that listen also ask from time to time.
 * @param deep whether folders below count.
 * @param settleMs how long after it.
 */
export function arrivals(
  folder: string,
  deep: boolean,
  settleMs: number,
  scheduler: SchedulerLike,
): Observable<unknown> {
  return new Observable<unknown>((subscriber) => {
    const end = (): void => subscriber.complete()
    try {
      const watcher = watch(folder, { recursive: deep, persistent: false }, () => subscriber.next(undefined))
      watcher.on('error', end)
      return () => watcher.close()
    } catch {
      end()
      return undefined
    }
  }).pipe(auditTime(togetherMs, scheduler), delay(settleMs, scheduler))
}
