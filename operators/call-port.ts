import { type MonoTypeOperatorFunction, Observable } from 'rxjs'
import { fromCommand, fromResult, isPlain, type Result } from '../src/result.ts'
import { withoutRestarts } from '../src/retry.ts'
import type { RunContext } from '../src/run-context.ts'
import { retryBy } from './retry-backoff.ts'

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
  at: { readonly batchId?: number } = {},
): Observable<T> {
  return plainOr(
    call,
    (value) => value,
    (again) => fromResult(port, again).pipe(retrying(context, port, at)),
  )
}

/** The same for a command: of its answer only the completion counts. */
export function commandPort(
  context: RunContext,
  port: string,
  call: () => Result<unknown>,
  at: { readonly batchId?: number } = {},
): Observable<undefined> {
  return plainOr<unknown, undefined>(
    call,
    () => undefined,
    (again) => fromCommand(again).pipe(retrying(context, port, at)),
  )
}

/** What answers at once needs neither repeats nor further Observables, and many ports do in each batch. */
function plainOr<T, R>(
  call: () => Result<T>,
  answer: (value: T) => R,
  otherwise: (call: () => Result<T>) => Observable<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    let first: { readonly result: Result<T> } | { readonly error: unknown }
    try {
      first = { result: call() }
    } catch (error) {
      first = { error }
    }
    if ('result' in first && isPlain(first.result)) {
      subscriber.next(answer(first.result))
      subscriber.complete()
      return undefined
    }
    let calls = 0
    return otherwise(() => {
      if (calls++ > 0) return call()
      if ('error' in first) throw first.error
      return first.result
    }).subscribe(subscriber)
  })
}

function retrying<T>(
  context: RunContext,
  port: string,
  { batchId }: { readonly batchId?: number },
): MonoTypeOperatorFunction<T> {
  const place = batchId === undefined ? {} : { batchId }
  return retryBy(withoutRestarts(context.retry), {
    scheduler: context.scheduler,
    onRetry: (retry) => context.emit({ type: 'retry', port, ...retry, ...place }),
  })
}
