import { fromResult, type Result } from '../../src/result.ts'

/** The value of a result that is there at once; an answer that comes later fails the test. */
export function answer<T>(result: Result<T>): T {
  const seen: T[] = []
  let error: { readonly reason: unknown } | undefined
  fromResult('answer', () => result)
    .subscribe({ next: (value) => seen.push(value), error: (reason: unknown) => (error = { reason }) })
    .unsubscribe()
  if (error !== undefined) throw error.reason
  if (seen.length !== 1) throw new Error('not synchronous')
  return seen[0] as T
}
