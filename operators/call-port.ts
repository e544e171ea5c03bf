import type { MonoTypeOperatorFunction, Observable } from 'rxjs'
import { fromCommand, fromResult, type Result } from '../src/result.ts'
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
  return fromResult(port, call).pipe(retrying(context, port, at))
}

/** The same for a command: of its answer only the completion counts. */
export function commandPort(
  context: RunContext,
  port: string,
  call: () => Result<unknown>,
  at: { readonly batchId?: number } = {},
): Observable<undefined> {
  return fromCommand(call).pipe(retrying(context, port, at))
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
