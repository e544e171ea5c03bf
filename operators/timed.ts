import { defer, isObservable, type MonoTypeOperatorFunction, tap } from 'rxjs'
import type { Answer } from '../src/answer.ts'
import type { Phase } from '../src/events.ts'
import type { RunContext } from '../src/run-context.ts'

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
    defer(() => {
      const from = context.scheduler.now()
      let told = false
      const tell = (): void => {
        if (told) return
        told = true
        context.emit({ type: 'phase', phase, durationMs: context.scheduler.now() - from })
      }
      return source.pipe(tap(until === 'value' ? { next: tell, complete: tell } : { complete: tell }))
    })
}

/** The same for an answer: asks, and tells when it is there. */
export function timedAnswer<T>(context: RunContext, phase: Phase, ask: () => Answer<T>): Answer<T> {
  const { scheduler, emit } = context
  const from = scheduler.now()
  const tell = (): void => emit({ type: 'phase', phase, durationMs: scheduler.now() - from })
  const answer = ask()
  if (isObservable(answer)) return answer.pipe(tap(tell))
  tell()
  return answer
}
