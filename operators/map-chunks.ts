import { Observable, type OperatorFunction, Subscription } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'
import { rules, validateOptions } from '../src/options.ts'
import { currentPartition } from '../src/partition-scope.ts'
import { fromResult, type Result } from '../src/result.ts'
import type { RowShape } from '../src/row.ts'

export interface MapChunksOptions {
  /** Chunks worked on side by side. More than the query's `highWaterMark` has no effect. @default 1 */
  readonly concurrency?: number
}

/**
 * Turns each chunk into another one, asynchronously if need be: a lookup, an enrichment, a call to a service.
 *
 * Chunks keep their order, whatever finishes first. What is being worked on counts as unwritten, so that the source waits.
 *
 * @param project given a chunk; its answer is a chunk, a promise of one or an Observable of one. An error fails the partition.
 */
export function mapChunks<In extends object, Out extends RowShape>(
  project: (rows: readonly In[]) => Result<readonly Out[]>,
  options: MapChunksOptions = {},
): OperatorFunction<readonly In[], readonly Out[]> {
  validateOptions('mapChunks', options, { concurrency: rules.positiveInteger })
  const { concurrency = 1 } = options
  return deterministic(
    (source: Observable<readonly In[]>) =>
      new Observable<readonly Out[]>((subscriber) => {
        const demand = currentPartition()?.demand
        const waiting: (readonly In[])[] = []
        const slots: { rows: readonly Out[] | undefined }[] = []
        const work = new Subscription()
        let sourceDone = false

        const flush = (): void => {
          while (slots[0]?.rows !== undefined) {
            const { rows } = slots.shift() as { rows: readonly Out[] }
            subscriber.next(rows)
            demand?.remove()
          }
          while (slots.length < concurrency && waiting.length > 0 && !subscriber.closed)
            start(waiting.shift() as readonly In[])
          if (sourceDone && slots.length === 0 && waiting.length === 0) subscriber.complete()
        }
        const start = (chunk: readonly In[]): void => {
          const slot: { rows: readonly Out[] | undefined } = { rows: undefined }
          slots.push(slot)
          work.add(
            fromResult('mapChunks', () => project(chunk)).subscribe({
              next: (rows) => {
                slot.rows = rows
              },
              error: (error: unknown) => subscriber.error(error),
              complete: flush,
            }),
          )
        }

        subscriber.add(work)
        subscriber.add(
          source.subscribe({
            next: (chunk) => {
              demand?.add()
              waiting.push(chunk)
              flush()
            },
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              sourceDone = true
              flush()
            },
          }),
        )
      }),
  )
}
