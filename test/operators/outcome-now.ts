import type { Observable } from 'rxjs'

/** What an Observable comes to synchronously. Fails when that is not all. */
export function outcomeNow<T>(result: Observable<T>): { readonly values: readonly T[]; readonly error?: unknown } {
  const values: T[] = []
  let outcome: { values: readonly T[]; error?: unknown } | undefined
  result
    .subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => {
        outcome = { values, error }
      },
      complete: () => {
        outcome = { values }
      },
    })
    .unsubscribe()
  if (outcome === undefined) throw new Error(`still running after ${values.length} values`)
  return outcome
}
