import type { MonoTypeOperatorFunction, Observable } from 'rxjs'
import { type Answer, asking } from '../src/answer.ts'
import type { Phase } from '../src/events.ts'
import { fromCommand, fromResult, isPlain, type Result } from '../src/result.ts'
import { withoutRestarts } from '../src/retry.ts'
import type { RunContext } from '../src/run-context.ts'
import { retryBy } from './retry-backoff.ts'
import { timedAnswer } from './timed.ts'

interface CallPlace {
  readonly batchId?: number
  /** Told as an event when the port has answered, with the time that it took, repeats included. */
  readonly phase?: Phase
}

/**
 * Calls a port under the run's retry policy, and tells of every repeat.
 *
 * @param port its name, for errors and events.
 * @param call made anew on every attempt.
 * @returns an Observable of the one value the port answers with; fails with the port's last error.
 */
export function callPort<T>(
  context: RunContext,
  port: string,
  call: () => Result<T>,
  at: CallPlace = {},
): Observable<T> {
  return asking(() => askPort(context, port, call, at))
}

/** The same for a command: of its answer only the completion counts. */
export function commandPort(
  context: RunContext,
  port: string,
  call: () => Result<unknown>,
  at: CallPlace = {},
): Observable<undefined> {
  return asking(() => askCommand(context, port, call, at))
}

/** As {@link callPort}, at once. */
export function askPort<T>(context: RunContext, port: string, call: () => Result<T>, at: CallPlace = {}): Answer<T> {
  return ask(
    context,
    at,
    call,
    (value) => value,
    (again) => fromResult(port, again).pipe(retrying(context, port, at)),
  )
}

/** As {@link commandPort}, at once. */
export function askCommand(
  context: RunContext,
  port: string,
  call: () => Result<unknown>,
  at: CallPlace = {},
): Answer<undefined> {
  return ask<unknown, undefined>(
    context,
    at,
    call,
    () => undefined,
    (again) => fromCommand(again).pipe(retrying(context, port, at)),
  )
}

function ask<T, R>(
  context: RunContext,
  { phase }: CallPlace,
  call: () => Result<T>,
  answer: (value: T) => R,
  otherwise: (call: () => Result<T>) => Observable<R>,
): Answer<R> {
  const asked = (): Answer<R> => askOnce(call, answer, otherwise)
  return phase === undefined ? asked() : timedAnswer(context, phase, asked)
}

/** What answers at once needs no repeats. */
function askOnce<T, R>(
  call: () => Result<T>,
  answer: (value: T) => R,
  otherwise: (call: () => Result<T>) => Observable<R>,
): Answer<R> {
  let first: { readonly result: Result<T> } | { readonly error: unknown }
  try {
    first = { result: call() }
  } catch (error) {
    first = { error }
  }
  if ('result' in first && isPlain(first.result)) return answer(first.result)
  let calls = 0
  return otherwise(() => {
    if (calls++ > 0) return call()
    if ('error' in first) throw first.error
    return first.result
  })
}

function retrying<T>(context: RunContext, port: string, { batchId }: CallPlace): MonoTypeOperatorFunction<T> {
  const place = batchId === undefined ? {} : { batchId }
  return retryBy(withoutRestarts(context.retry), {
    scheduler: context.scheduler,
    onRetry: (retry) => context.emit({ type: 'retry', port, ...retry, ...place }),
  })
}
