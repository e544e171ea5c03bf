import { isObservable, type MonoTypeOperatorFunction, Observable, tap } from 'rxjs'
import type { Answer } from '../src/answer.ts'
import type { Phase } from '../src/events.ts'
import type { RunContext } from '../src/run-context.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

/**
 * Tells how long a step took, from its subscription to its first value (or its completion), as an event of the run. A step that fails tells nothing.
 *
 * @param until `completion` for a step of many values.
 * @returns the source's values, untouched.
 */
export function timed<T>(
  context: RunContext,
  phase: Phase,
  until: 'value' | 'completion' = 'value',
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const from = context.scheduler.now()
      let told = false
      const tell = (): void => {
        if (told) return
        told = true
        tellPhase(context, phase, from)
      }
      subscribeWithin(subscriber, source, {
        next: (value) => {
          if (until === 'value') tell()
          subscriber.next(value)
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          tell()
          subscriber.complete()
        },
      })
    })
}

/** The same for an answer: asks, and tells when it is there. */
export function timedAnswer<T>(context: RunContext, phase: Phase, ask: () => Answer<T>): Answer<T> {
  const from = context.scheduler.now()
  const tell = (): void => tellPhase(context, phase, from)
  const answer = ask()
  if (isObservable(answer)) return answer.pipe(tap(tell))
  tell()
  return answer
}

function tellPhase({ scheduler, emit }: RunContext, phase: Phase, from: number): void {
  const at = scheduler.now()
  emit({ type: 'phase', phase, durationMs: at - from }, at)
}
