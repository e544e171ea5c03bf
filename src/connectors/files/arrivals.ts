import { watch } from 'node:fs'
import { auditTime, delay, Observable, type SchedulerLike } from 'rxjs'
import { describeError } from '../../errors.ts'

/** Events of one folder that come within so many milliseconds are told once. */
const togetherMs = 50

/**
 * Emits when something happened in a folder, once the files may have settled. Where the system can't watch (a network drive, no more watches),
 * it ends with a warning of the process: triggers that listen also ask from time to time.
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
    const end = (error: unknown): void => {
      process.emitWarning(
        `files: ${folder} can't be watched (${describeError(error)}); what is new there is found when the trigger asks`,
        'SluiceWarning',
      )
      subscriber.complete()
    }
    try {
      const watcher = watch(folder, { recursive: deep, persistent: false }, () => subscriber.next(undefined))
      watcher.on('error', end)
      return () => watcher.close()
    } catch (error) {
      end(error)
      return undefined
    }
  }).pipe(auditTime(togetherMs, scheduler), delay(settleMs, scheduler))
}
