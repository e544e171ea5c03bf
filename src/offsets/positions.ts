import { map, type Observable } from 'rxjs'
import { PortError } from '../errors.ts'
import { fromResult, type Result } from '../result.ts'
import type { ReadLimit } from '../source.ts'

/**
 * The half of a stream reader that knows about positions. Spread into a reader, only `read` is missing:
 *
 * ```ts
 * streamReader: ({ url }) => ({
 *   ...sequenceOffset({ head: () => count(url) }),
 *   async *read({ from, to }, { signal }) { … },
 * })
 * ```
 *
 * `Args` is what the functions that ask the source get in addition: nothing in a reader, the key under `perKeyOffset`.
 */
export interface Positions<Offset extends object, Partition, Args extends readonly unknown[] = []> {
  readonly initialOffset: (...args: Args) => Result<Offset>
  readonly latestOffset: (start: Offset, limit: ReadLimit, ...args: Args) => Result<Offset>
  readonly partitions: (start: Offset, end: Offset) => readonly Partition[]
  /** Negative when `a` lacks anything that `b` has. */
  readonly compare: (a: Offset, b: Offset) => number
  /** Rows between the two; an estimate is fine. */
  readonly distance?: (from: Offset, to: Offset, ...args: Args) => Result<number>
  readonly reportLatestOffset?: (...args: Args) => Result<Offset>
}

/** Asks a source for something and checks what it answers. `expected` completes the sentence "… must answer with". */
export function ask<T, R>(
  port: string,
  call: () => Result<T>,
  expected: string,
  take: (answer: T) => R | undefined,
): Observable<R> {
  return fromResult(port, call).pipe(
    map((answer) => {
      const taken = take(answer)
      if (taken === undefined)
        throw new PortError(`${port} must answer with ${expected}, and it answered ${String(answer)}`)
      return taken
    }),
  )
}
