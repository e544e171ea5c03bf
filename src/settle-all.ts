import { catchError, defer, EMPTY, from, map, mergeMap, type Observable, toArray } from 'rxjs'
import { describeError, isRetryable } from './errors.ts'

/** Runs all of them to their ends, whatever fails meanwhile, and emits their values once; only then does it fail. */
export function settleAll<T>(steps: readonly Observable<T>[], concurrency = steps.length): Observable<readonly T[]> {
  return defer(() => {
    const errors: unknown[] = []
    const noted = (error: unknown): Observable<never> => {
      errors.push(error)
      return EMPTY
    }
    return from(steps).pipe(
      mergeMap((step) => step.pipe(catchError(noted)), concurrency),
      toArray(),
      map((values) => {
        if (errors.length > 0) throw joined(errors)
        return values
      }),
    )
  })
}

function joined(errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0]
  const error = new AggregateError(errors, errors.map(describeError).join('; '))
  return Object.assign(error, { retryable: errors.every(isRetryable) })
}
