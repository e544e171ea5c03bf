import { defaultIfEmpty, ignoreElements, isObservable, map, Observable, take, toArray } from 'rxjs'
import { PortError } from './errors.ts'

/**
 * What a port may answer with: a value, a promise, or an Observable of exactly one value (taken at completion).
 * Of a command only the completion counts. A plain value or an Observable stays synchronous: the engine adds no promise of its own.
 */
export type Result<T> = T | PromiseLike<T> | Observable<T>

/** Whether an answer is there already. */
export function isPlain<T>(value: Result<T>): value is T {
  return !isObservable(value) && !isPromiseLike(value)
}

function isPromiseLike<T>(value: Result<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/**
 * Calls a port on subscription and emits its one value, then completes.
 * @param port named in the error when the answer is an Observable of no value or of several.
 */
export function fromResult<T>(port: string, call: () => Result<T>): Observable<T> {
  return answerOf(
    call,
    (value) => value,
    (result) =>
      result.pipe(
        take(2),
        toArray(),
        map((values) => {
          if (values.length === 1) return values[0] as T
          throw new PortError(
            `${port} must answer with exactly one value, and its Observable emitted ${values.length === 0 ? 'none' : 'several'}`,
          )
        }),
      ),
  )
}

/** What becomes of a port's one answer; as synchronous as the answer is. An Observable must give exactly one value. */
export function afterOne<T, R>(port: string, result: Result<T>, next: (value: T) => R): Result<R> {
  if (isObservable(result)) return fromResult(port, () => result).pipe(map(next))
  return isPromiseLike(result) ? result.then(next) : next(result)
}

/** Calls a command on subscription; emits `undefined` once it is done, then completes. What it answered is ignored. */
export function fromCommand(call: () => Result<unknown>): Observable<undefined> {
  return answerOf<unknown, undefined>(
    call,
    () => undefined,
    (result) => result.pipe(ignoreElements(), defaultIfEmpty(undefined)),
  )
}

/** By hand, for a plain answer needs no further Observable: several ports are called in each batch. */
function answerOf<T, R>(
  call: () => Result<T>,
  answer: (value: T) => R,
  one: (result: Observable<T>) => Observable<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    const done = (value: T): void => {
      subscriber.next(answer(value))
      subscriber.complete()
    }
    const result = call()
    if (isObservable(result)) return one(result).subscribe(subscriber)
    if (isPromiseLike(result)) result.then(done, (error: unknown) => subscriber.error(error))
    else done(result)
    return undefined
  })
}

/**
 * Calls a port and calls back, without a subscription: for the path that every chunk takes. It can't be cancelled, because a write that was begun
 * has to settle before anything may follow it. A plain answer calls back before this function returns.
 */
export function settle(
  call: () => Result<unknown>,
  done: (value: unknown) => void,
  failed: (error: unknown) => void,
): void {
  let result: Result<unknown>
  try {
    result = call()
  } catch (error) {
    failed(error)
    return
  }
  if (isObservable(result)) result.pipe(toArray()).subscribe({ next: (values) => done(values.at(-1)), error: failed })
  else if (result instanceof Promise) result.then(done, failed)
  else if (isPromiseLike(result)) {
    // A thenable of somebody's own may call back twice.
    let settled = false
    const once =
      <T>(then: (value: T) => void) =>
      (value: T): void => {
        if (settled) return
        settled = true
        then(value)
      }
    result.then(once(done), once(failed))
  } else done(result)
}
