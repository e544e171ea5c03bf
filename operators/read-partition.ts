import {
  from,
  isObservable,
  type MonoTypeOperatorFunction,
  map,
  Observable,
  type ObservableInput,
  type Subscriber,
  tap,
} from 'rxjs'
import type { Attempt } from '../src/batch-run.ts'
import { PortError, PushOverflowError } from '../src/errors.ts'
import { settle } from '../src/result.ts'
import type { ReaderBase } from '../src/source.ts'

/**
 * The chunks of one partition, at the pace of its writer.
 *
 * An iterator (an async generator, best) is pulled by hand: it is asked for the next chunk only while fewer than `highWaterMark` chunks (and `highWaterBytes` reported bytes) wait for the writer,
 * and an abort reaches it even while it is waiting. An Observable can't be paused: it fails when it is more than `maxPushed` chunks ahead.
 *
 * @returns an Observable of chunks as the source gave them. Fails with the read's error, with `PortError` when it or a chunk is no list,
 *   with `PushOverflowError` when an Observable overruns the writer.
 */
export function readPartition<Partition, Row extends object>(
  reader: Pick<ReaderBase<object, Partition, Row>, 'read'>,
  attempt: Attempt<Partition>,
): Observable<readonly Row[]> {
  return new Observable((subscriber) => {
    const chunks = reader.read(attempt.task.partition, attempt.readContext())
    const iterator = iteratorOf(chunks)
    if (iterator !== undefined) {
      pull(iterator, attempt, subscriber)
      return undefined
    }
    return pushed(chunks)
      .pipe(
        noOverrun(attempt),
        whileReading(attempt),
        map((chunk) => counted(chunk, attempt)),
      )
      .subscribe(subscriber)
  })
}

type ChunkIterator<Row> = Iterator<readonly Row[], unknown> | AsyncIterator<readonly Row[], unknown>

function iteratorOf<Row>(chunks: ObservableInput<readonly Row[]>): ChunkIterator<Row> | undefined {
  if (typeof chunks !== 'object' || chunks === null) throw noChunks(chunks)
  if (isObservable(chunks)) return undefined
  if (Symbol.asyncIterator in chunks) return chunks[Symbol.asyncIterator]()
  return Symbol.iterator in chunks ? chunks[Symbol.iterator]() : undefined
}

function pushed<Row>(chunks: ObservableInput<readonly Row[]>): Observable<readonly Row[]> {
  try {
    return from(chunks)
  } catch (error) {
    throw error instanceof TypeError ? noChunks(chunks) : error // rxjs knows nothing to do with it
  }
}

function noChunks(answer: unknown): PortError {
  return new PortError(
    `read must answer with chunks (an async generator, best), and it answered with ${kindOf(answer)}`,
  )
}

/** What can't be paused is read all the time. */
function whileReading<T>({ clock }: Attempt): MonoTypeOperatorFunction<T> {
  return tap({ subscribe: () => clock.reading(true), finalize: () => clock.reading(false) })
}

function noOverrun<Row>({ run, demand, clock }: Attempt): MonoTypeOperatorFunction<readonly Row[]> {
  return tap(() => {
    clock.look()
    if (demand.chunks < run.maxPushed) return
    throw new PushOverflowError(
      `read pushed more than ${run.maxPushed} chunks ahead of the writer, and an Observable can't be paused; write it as an async generator`,
    )
  })
}

function pull<Row>(iterator: ChunkIterator<Row>, attempt: Attempt, subscriber: Subscriber<readonly Row[]>): void {
  const { demand, clock } = attempt
  let asking = false
  let calling = false
  let looping = false
  let ended = false

  const take = (result: IteratorResult<readonly Row[], unknown>): void => {
    asking = false
    clock.reading(false)
    if (result.done === true) {
      ended = true
      subscriber.complete()
      return
    }
    if (subscriber.closed) return
    let chunk: readonly Row[]
    try {
      chunk = counted(result.value, attempt)
    } catch (error) {
      subscriber.error(error)
      return
    }
    subscriber.next(chunk)
  }
  // Each answer once: a thenable of somebody's own may call back twice.
  const resume = (result: IteratorResult<readonly Row[], unknown>): void => {
    if (!asking) return
    take(result)
    ask()
  }
  const fail = (error: unknown): void => {
    if (!asking) return
    asking = false
    ended = true
    clock.reading(false)
    subscriber.error(error)
  }
  const leave = (): void => settle(() => iterator.return?.(), ignore, ignore)
  const next = (): void => {
    calling = true
    try {
      const answer = iterator.next()
      calling = false
      if (ended)
        leave() // a generator can't be left while it runs
      else if ('then' in answer) answer.then(resume, fail)
      else take(answer)
    } catch (error) {
      calling = false
      fail(error)
    }
  }
  const ask = (): void => {
    if (looping) return
    looping = true
    clock.full(false)
    while (!asking && !ended && !subscriber.closed && demand.hasRoom) {
      asking = true
      clock.reading(true)
      next()
    }
    looping = false
    if (asking || ended || subscriber.closed) return
    clock.full(true)
    demand.onRoom(ask)
  }
  // First: all of it may happen before this function returns.
  subscriber.add(() => {
    if (ended) return
    ended = true
    clock.reading(false)
    if (!calling) leave()
  })
  ask()
}

// The attempt is over, and so is the interest in how the generator ends. A pending `next` delays it; the abort signal is what reaches that.
function ignore(): void {}

function counted<Row>(chunk: readonly Row[], attempt: Attempt): readonly Row[] {
  if (!Array.isArray(chunk)) throw new PortError(`read must give chunks (arrays of rows), and it gave ${kindOf(chunk)}`)
  attempt.read(chunk.length)
  attempt.demand.read(attempt.bytesRead - attempt.bytesHandedOn)
  attempt.bytesHandedOn = attempt.bytesRead
  attempt.run.emit(attempt.progressed(chunk.length), attempt.lastReadAt)
  return chunk
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
