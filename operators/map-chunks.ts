import { Observable, type OperatorFunction } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'
import { PortError } from '../src/errors.ts'
import { rules, validateOptions } from '../src/options.ts'
import { currentPartition } from '../src/partition-scope.ts'
import { fromResult, type Result } from '../src/result.ts'
import type { RowShape } from '../src/row.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

/** Options of {@link mapChunks}. */
export interface MapChunksOptions {
  /** Chunks worked on side by side. More than the query's `highWaterMark` has no effect. @default 1 */
  readonly concurrency?: number
}

/**
 * Turns each chunk into another one, asynchronously if need be: a lookup, an enrichment, a call to a service.
 *
 * Chunks keep their order, whatever finishes first. What is being worked on counts as unwritten, so that the source waits.
 *
 * @param project given a chunk; its answer is a chunk, a promise of one or an Observable of one. An error fails the partition, as does an answer that is
 *   no array (`PortError`).
 */
export function mapChunks<In extends object, Out extends RowShape>(
  project: (rows: readonly In[]) => Result<readonly Out[]>,
  options: MapChunksOptions = {},
): OperatorFunction<readonly In[], readonly Out[]> {
  validateOptions('mapChunks', options, { concurrency: rules.positiveInteger })
  const { concurrency = 1 } = options
  return deterministic((source: Observable<readonly In[]>) => {
    const applied = currentPartition() // what stands before it may put off the subscription
    return new Observable<readonly Out[]>((subscriber) => {
      const demand = (applied ?? currentPartition())?.demand
      const waiting: (readonly In[])[] = []
      const slots: { rows: readonly Out[] | undefined }[] = []
      let looping = false
      let sourceDone = false

      const proceed = (): void => {
        if (looping) return
        looping = true
        for (;;) {
          const rows = slots[0]?.rows
          if (rows !== undefined) {
            slots.shift()
            subscriber.next(rows)
            demand?.remove()
          } else if (slots.length < concurrency && waiting.length > 0 && !subscriber.closed) {
            start(waiting.shift() as readonly In[])
          } else break
        }
        looping = false
        if (sourceDone && slots.length === 0) subscriber.complete()
      }
      const start = (chunk: readonly In[]): void => {
        const slot: { rows: readonly Out[] | undefined } = { rows: undefined }
        slots.push(slot)
        subscribeWithin(
          subscriber,
          fromResult('mapChunks', () => project(chunk)),
          {
            next: (rows) => {
              if (Array.isArray(rows)) slot.rows = rows
              else
                subscriber.error(new PortError('the function of mapChunks must answer with a chunk, an array of rows'))
            },
            error: (error: unknown) => subscriber.error(error),
            complete: proceed,
          },
        )
      }

      subscribeWithin(subscriber, source, {
        next: (chunk) => {
          demand?.add()
          waiting.push(chunk)
          proceed()
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          sourceDone = true
          proceed()
        },
      })
    })
  })
}
