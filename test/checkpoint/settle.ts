import { from, isObservable, lastValueFrom, type ObservableInput, toArray } from 'rxjs'
import type { Result } from '../../src/result.ts'

/** Waits for whatever a port answered with. */
export async function settle<T>(result: Result<T>): Promise<T> {
  return isObservable(result) ? lastValueFrom(result) : result
}

/** The error of a call that must fail, whether it throws or rejects. */
export async function failureOf(call: () => Result<unknown>): Promise<Error> {
  try {
    await settle(call())
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error(`expected an Error, got ${String(error)}`)
  }
  throw new Error('expected the call to fail, and it succeeded')
}

export function collect<T>(input: ObservableInput<T>): Promise<T[]> {
  return lastValueFrom(from(input).pipe(toArray()))
}
