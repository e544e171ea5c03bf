import { from, isObservable, Observable, type ObservableInput, type Subscriber } from 'rxjs'
import type { Attempt } from '../src/batch-run.ts'
import { PortError, PushOverflowError } from '../src/errors.ts'
import { settle } from '../src/result.ts'
import type { ReaderBase } from '../src/source.ts'

/**
 * The chunks of one partition, at the pace of its writer.
 *
 * An iterator (an async generator, best) is pulled by hand: it is asked for the next chunk only while fewer than `highWaterMark` chunks wait for the writer,
 * and an abort reaches it even while it is waiting. An Observable can't be paused: it fails when it is more than `maxPushed` chunks ahead.
 *
 * @returns an Observable of chunks as the source gave them. Fails with the read's error, with `PortError` when a chunk is no array,
 *   with `PushOverflowError` when an Observable overruns the writer.
 */
export function readPartition<Partition, Row extends object>(
  reader: Pick<ReaderBase<object, Partition, Row>, 'read'>,
  attempt: Attempt<Partition>,
): Observable<readonly Row[]> {
  return new Observable((subscriber) => {
    const chunks = reader.read(attempt.task.partition, attempt.readContext())
    const iterator = iteratorOf(chunks)
    return iterator === undefined ? push(chunks, attempt, subscriber) : pull(iterator, attempt, subscriber)
  })
}

type ChunkIterator<Row> = Iterator<readonly Row[], unknown> | AsyncIterator<readonly Row[], unknown>

function iteratorOf<Row>(chunks: ObservableInput<readonly Row[]>): ChunkIterator<Row> | undefined {
  if (isObservable(chunks)) return undefined
  if (Symbol.asyncIterator in chunks) return chunks[Symbol.asyncIterator]()
  return Symbol.iterator in chunks ? chunks[Symbol.iterator]() : undefined
}

function push<Row>(
  chunks: ObservableInput<readonly Row[]>,
  attempt: Attempt,
  subscriber: Subscriber<readonly Row[]>,
): () => void {
  const { maxPushed } = attempt.run
  const subscription = from(chunks).subscribe({
    next: (chunk) => {
      if (attempt.demand.chunks >= maxPushed) {
        subscriber.error(
          new PushOverflowError(
            `read pushed more than ${maxPushed} chunks ahead of the writer, and an Observable can't be paused; write it as an async generator`,
          ),
        )
      } else emit(chunk, attempt, subscriber)
    },
    error: (error: unknown) => subscriber.error(error),
    complete: () => subscriber.complete(),
  })
  return () => subscription.unsubscribe()
}

function pull<Row>(iterator: ChunkIterator<Row>, attempt: Attempt, subscriber: Subscriber<readonly Row[]>): () => void {
  const { demand } = attempt
  let asking = false
  let looping = false
  let ended = false

  const take = (result: IteratorResult<readonly Row[], unknown>): void => {
    asking = false
    if (result.done === true) {
      ended = true
      subscriber.complete()
    } else emit(result.value, attempt, subscriber)
  }
  const resume = (result: IteratorResult<readonly Row[], unknown>): void => {
    if (ended) return
    take(result)
    ask()
  }
  const fail = (error: unknown): void => {
    ended = true
    subscriber.error(error)
  }
  const ask = (): void => {
    if (looping) return
    looping = true
    while (!asking && !ended && !subscriber.closed && demand.hasRoom) {
      asking = true
      try {
        const next = iterator.next()
        if ('then' in next) next.then(resume, fail)
        else take(next)
      } catch (error) {
        fail(error)
      }
    }
    looping = false
    if (!asking && !ended && !subscriber.closed) demand.onRoom(ask)
  }
  ask()
  return () => {
    if (ended) return
    ended = true
    settle(() => iterator.return?.(), ignore, ignore)
  }
}

// The attempt is over, and so is the interest in how the generator ends. A pending `next` delays it; the abort signal is what reaches that.
function ignore(): void {}

function emit<Row>(chunk: readonly Row[], attempt: Attempt, subscriber: Subscriber<readonly Row[]>): void {
  if (!Array.isArray(chunk)) {
    subscriber.error(
      new PortError(`read must give chunks (arrays of rows), and it gave ${chunk === null ? 'null' : typeof chunk}`),
    )
    return
  }
  attempt.chunksRead++
  attempt.rowsRead += chunk.length
  attempt.run.emit({ type: 'partition-progress', ...attempt.place, rows: chunk.length })
  subscriber.next(chunk)
}
