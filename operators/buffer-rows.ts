import { type MonoTypeOperatorFunction, Observable } from 'rxjs'
import { required, rules, validateOptions } from '../src/options.ts'
import { rowOperator } from '../src/row-operator.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

/**
 * Regroups a partition's rows into chunks of one size, however large the source's chunks are: for a sink that makes a request or a statement of each chunk.
 *
 * Rows keep their order, across the borders of chunks. The last chunk has what is left when the partition has been read; none is empty. A chunk that is as large as it should be
 * passes as it is. It never waits for time: a partition ends.
 *
 * ```
 * source     a--b--c|         a, b: chunks of two rows, c: one of one
 * bufferRows(3)
 * result     ---x---(y|)      three rows, then two
 * ```
 *
 * **Hazard**: what it holds, fewer than `count` rows a partition, comes on top of `highWaterMark` chunks; and one large chunk is passed on as many small ones at once.
 *
 * @param count rows of a chunk, from 1.
 * @throws OptionError
 */
export function bufferRows<Row extends object>(count: number): MonoTypeOperatorFunction<readonly Row[]> {
  validateOptions('bufferRows', { count }, { count: required(rules.positiveInteger) })
  return rowOperator<readonly Row[], readonly Row[]>(
    (source) =>
      new Observable((subscriber) => {
        // They aren't told to the partition's demand: the source has to go on for them to become a chunk.
        let held: Row[] = []
        const waiting: (readonly Row[])[] = []
        let looping = false
        let sourceDone = false

        const cut = (chunk: readonly Row[]): void => {
          let at = 0
          if (held.length > 0) {
            at = Math.min(count - held.length, chunk.length)
            for (let i = 0; i < at; i++) held.push(chunk[i] as Row)
            if (held.length < count) return
            const full = held
            held = []
            subscriber.next(full)
          }
          for (; chunk.length - at >= count && !subscriber.closed; at += count)
            subscriber.next(chunk.length === count ? chunk : chunk.slice(at, at + count))
          if (at < chunk.length) held = chunk.slice(at)
        }
        const proceed = (): void => {
          if (looping) return // a source may answer a chunk with the next one
          looping = true
          for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) cut(chunk)
          looping = false
          if (!sourceDone) return
          if (held.length > 0) subscriber.next(held)
          subscriber.complete()
        }

        subscribeWithin(subscriber, source, {
          next: (chunk) => {
            waiting.push(chunk)
            proceed()
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            sourceDone = true
            proceed()
          },
        })
      }),
  )
}
