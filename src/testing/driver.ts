import { catchError, map, type Observable, throwError } from 'rxjs'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../checkpoint/memory.ts'
import { memorySink } from '../connectors/memory/sink.ts'
import type { StreamSink, StreamSource } from '../data-source.ts'
import { QueryError } from '../errors.ts'
import type { QueryOptions } from '../query-options.ts'
import type { StreamWriter } from '../sink.ts'
import { readStream } from '../stream.ts'
import type { Trigger } from '../trigger.ts'
import {
  type DrivenBatch,
  type DrivenReader,
  type Faults,
  type ReaderCall,
  type ReaderPort,
  RunRecord,
  type WriterPort,
} from './driver-record.ts'
import { requireMarbleTest } from './driver-timeline.ts'

/** What {@link drive} runs. Options of the query mean what they mean there. */
export interface DriveOptions<Offset extends object, Partition, Row extends object, Message>
  extends Pick<QueryOptions, 'limit' | 'concurrency' | 'highWaterMark' | 'maxPushed' | 'restart' | 'sinkId'> {
  /** One for all runs, or a function that makes one for each. */
  readonly reader: DrivenReader<Offset, Partition, Row> | (() => DrivenReader<Offset, Partition, Row>)
  /** Often `cold('a---b|')`. One that doesn't end needs a run that is unsubscribed from. */
  readonly trigger: Trigger
  /** @default a {@link memorySink} */
  readonly sink?: StreamSink<Row, Message>
  /** What the runs share. @default memoryCheckpoint() */
  readonly checkpoint?: Checkpoint
  /** As in a query, but the delays are their bounds, without jitter: 100 ms, 200 ms, … */
  readonly retry?: QueryOptions['retry']
  readonly faults?: {
    readonly reader?: Faults<ReaderPort>
    readonly writer?: Faults<WriterPort>
  }
}

/** A query in virtual time, and what can be seen of it. */
export interface Driven<Partition, Row extends object> {
  /** Runs the query. Emits each batch when it is committed; fails with the error as it was thrown, without its place. */
  readonly batches$: Observable<DrivenBatch<Partition, Row>>
  /** Runs the query too. The range of each batch. */
  readonly ranges$: Observable<string>
  /** The calls of the reader in all runs. Hot, repeats everything to late subscribers, never ends. */
  readonly calls$: Observable<ReaderCall>
}

/**
 * Runs a reader, a trigger and a sink in the real engine, within the virtual time of a marble test.
 *
 * Each subscription to `batches$` or `ranges$` is a run, all of them on one checkpoint: subscription marbles stop a query and start it again.
 * Ports answer with values, generators or Observables; a port that answers with a promise fails the run, as virtual time can't wait for it.
 * A promise further inside (an asynchronous `head` of `sequenceOffset`) can't be seen: the run stands still there, without a batch.
 *
 * ```ts
 * it('takes ten rows a batch and never past the end', marbles(({ cold, expectObservable }) => {
 *   const head = timeline('             a---------b', { a: 25, b: 27 })
 *   const trigger = cold('              a--b--c--d--e|')
 *   const { ranges$ } = drive({ reader: sequenceOffset({ head }), trigger, limit: { maxRows: 10 } })
 *   expectObservable(ranges$).toBe('    a--b--c-----e|', { a: '[0, 10)', b: '[10, 20)', c: '[20, 25)', e: '[25, 27)' })
 * }))
 * ```
 *
 * @throws OptionError outside a marble test, and for a bad option.
 */
export function drive<Offset extends object, Partition, Row extends object, Message>(
  options: DriveOptions<Offset, Partition, Row, Message>,
): Driven<Partition, Row> {
  requireMarbleTest('drive')
  const { sink, ...rest } = options
  return sink === undefined ? driveInto(memorySink<Row>(), rest) : driveInto(sink, rest)
}

function driveInto<Offset extends object, Partition, Row extends object, Message>(
  sink: StreamSink<Row, Message>,
  options: Omit<DriveOptions<Offset, Partition, Row, never>, 'sink'>,
): Driven<Partition, Row> {
  const { reader, faults = {}, checkpoint = memoryCheckpoint(), retry, restart, ...rest } = options
  const random = (): number => 1
  const run = new RunRecord<Offset, Partition, Row>()
  const makeWriter = typeof sink === 'function' ? sink : sink.streamWriter
  const source: StreamSource<Offset, Partition, object> = {
    name: 'driven',
    streamReader: () => run.watchReader(typeof reader === 'function' ? reader() : reader, faults.reader),
  }
  // Its rows are the reader's, so it needs no more columns than these have.
  const writer = () => run.watchWriter(makeWriter(), faults.writer) as StreamWriter<object, Message>
  const query = readStream(source).writeStream(writer, {
    ...rest,
    name: 'driven',
    checkpoint: run.watchCheckpoint(checkpoint),
    retry: { random, ...retry },
    ...(restart === undefined ? {} : { restart: { ...restart, backoff: { random, ...restart.backoff } } }),
  })
  const batches$ = query.pipe(
    map(({ replay }) => run.takeBatch(replay)),
    catchError((error: unknown) => throwError(() => (error instanceof QueryError ? error.cause : error))),
  )
  return { batches$, ranges$: batches$.pipe(map(({ range }) => range)), calls$: run.calls$.asObservable() }
}
