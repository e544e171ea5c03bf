import { catchError, map, type Observable, ReplaySubject, throwError } from 'rxjs'
import type { PlannedBatch } from '../batch.ts'
import type { Checkpoint, LogRecord } from '../checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../checkpoint/memory.ts'
import { memorySink } from '../connectors/memory/sink.ts'
import type { StreamSink } from '../data-source.ts'
import { OptionError, QueryError } from '../errors.ts'
import { runQuery } from '../query.ts'
import { type QueryOptions, querySettings } from '../query-options.ts'
import { fromResult } from '../result.ts'
import type { StreamWriter, WriteContext } from '../sink.ts'
import type { AckedReader, ReplayableReader, StreamReader } from '../source.ts'
import { StreamingQuery } from '../streaming-query.ts'
import type { Trigger } from '../trigger.ts'
import { watched, withOwn } from './driver-ports.ts'
import { requireMarbleTest } from './driver-timeline.ts'

const readerPorts = [
  'initialOffset',
  'reportLatestOffset',
  'latestOffset',
  'distance',
  'partitions',
  'read',
  'commit',
  'release',
  'stop',
] as const
const writerPorts = ['start', 'begin', 'open', 'commit', 'abort', 'stop'] as const
const partitionPorts = ['write', 'finish', 'discard'] as const

export type ReaderPort = (typeof readerPorts)[number]
export type WriterPort = (typeof writerPorts)[number] | (typeof partitionPorts)[number]

/** A call of the reader with its plain arguments (a read's context is left out). */
export interface ReaderCall {
  readonly port: ReaderPort
  readonly args: readonly unknown[]
}

type PerhapsRead<Reader extends { readonly read: unknown }> = Omit<Reader, 'read'> & Partial<Pick<Reader, 'read'>>

/** A reader, or just its positions: without `read` the partitions have no rows. */
export type DrivenReader<Offset extends object, Partition, Row extends object> =
  | PerhapsRead<ReplayableReader<Offset, Partition, Row>>
  | PerhapsRead<AckedReader<Offset, Partition, Row>>

/** Called right before the port; what it throws is what the port fails with. `timeline('a--#--a')` fails for a while. */
export type Fault = () => unknown

export interface DriveOptions<Offset extends object, Partition, Row extends object, Message>
  extends Pick<
    QueryOptions,
    'limit' | 'concurrency' | 'highWaterMark' | 'maxPushed' | 'restart' | 'require' | 'sinkId'
  > {
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
    readonly reader?: Readonly<Partial<Record<ReaderPort, Fault>>>
    readonly writer?: Readonly<Partial<Record<WriterPort, Fault>>>
  }
}

/** A batch that was committed. */
export interface DrivenBatch<Offset extends object, Partition, Row extends object> {
  readonly batchId: number
  readonly start: Offset
  readonly end: Offset
  readonly partitions: readonly Partition[]
  /** As they reached the writer, by partition. None where the sink held the batch already. */
  readonly rows: readonly Row[]
  /** The batch was planned by an earlier run; else absent. */
  readonly replay?: true
}

export interface Driven<Offset extends object, Partition, Row extends object> {
  /** Runs the query. Emits each batch when it is committed; fails with the error as it was thrown, without its place. */
  readonly batches$: Observable<DrivenBatch<Offset, Partition, Row>>
  /** Runs the query too. Each batch as a text such as `[0, 10)`; an offset of one plain property is that alone, others are JSON. */
  readonly ranges$: Observable<string>
  /** The calls of the reader in all runs. Hot, repeats everything to late subscribers, never ends. */
  readonly calls$: Observable<ReaderCall>
}

/** Calls of a reader, after which a run counts as endless: in virtual time nothing else would end it. */
const maxCalls = 10_000

/**
 * Runs a reader, a trigger and a sink in the real engine, within the virtual time of a marble test.
 *
 * Each subscription to `batches$` or `ranges$` is a run, all of them on one checkpoint: subscription marbles stop a query and start it again.
 * Ports answer with values, generators or Observables; a promise fails the run, as virtual time can't wait for it.
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
): Driven<Offset, Partition, Row> {
  requireMarbleTest('drive')
  const { sink, ...rest } = options
  return sink === undefined ? driveInto(memorySink<Row>(), rest) : driveInto(sink, rest)
}

function driveInto<Offset extends object, Partition, Row extends object, Message>(
  sink: StreamSink<Row, Message>,
  options: Omit<DriveOptions<Offset, Partition, Row, never>, 'sink'>,
): Driven<Offset, Partition, Row> {
  const { reader, faults = {}, checkpoint = memoryCheckpoint(), retry, restart, ...rest } = options
  const random = (): number => 1
  const settings = querySettings({
    ...rest,
    name: 'driven',
    checkpoint,
    retry: { random, ...retry },
    ...(restart === undefined ? {} : { restart: { ...restart, backoff: { random, ...restart.backoff } } }),
  })
  const run = new RunRecord<Offset, Partition, Row>()
  const makeWriter = typeof sink === 'function' ? sink : sink.streamWriter
  const spec = {
    ...settings,
    source: {
      name: 'driven',
      reader: () => run.watchReader(typeof reader === 'function' ? reader() : reader, faults.reader),
    },
    operators: [],
    sink: { id: settings.sinkId, name: 'driven', writer: () => run.watchWriter(makeWriter(), faults.writer) },
    schema: undefined,
    checkpoint: run.watchCheckpoint(checkpoint),
  }
  const query = new StreamingQuery('driven', (controls) => runQuery(spec, controls))
  const batches$ = query.pipe(
    map(({ replay }) => run.takeBatch(replay)),
    catchError((error: unknown) => throwError(() => (error instanceof QueryError ? error.cause : error))),
  )
  return { batches$, ranges$: batches$.pipe(map(rangeText)), calls$: run.calls$.asObservable() }
}

/** What a batch was planned as and what was written of it, seen from the ports. */
class RunRecord<Offset extends object, Partition, Row extends object> {
  readonly calls$ = new ReplaySubject<ReaderCall>()
  #calls = 0
  #planned: PlannedBatch | undefined
  readonly #rows: Row[][] = []

  watchReader(
    reader: DrivenReader<Offset, Partition, Row>,
    faults: Readonly<Partial<Record<ReaderPort, Fault>>> = {},
  ): StreamReader<Offset, Partition, Row> {
    const whole = reader.read === undefined ? withOwn(reader, { read: { value: () => [] } }) : reader
    return watched(whole as AckedReader<Offset, Partition, Row>, readerPorts, (port, args) => {
      if (++this.#calls > maxCalls) {
        throw new OptionError(`drive: the run doesn't end (${maxCalls} calls of the reader); let the trigger complete, or unsubscribe`)
      }
      this.calls$.next({ port, args: port === 'read' ? args.slice(0, 1) : args })
      faults[port]?.()
    })
  }

  watchWriter<Message>(
    writer: StreamWriter<Row, Message>,
    faults: Readonly<Partial<Record<WriterPort, Fault>>> = {},
  ): StreamWriter<Row, Message> {
    const calls = watched(writer, writerPorts, (port) => faults[port]?.())
    const open: typeof writer.open = (context: WriteContext) =>
      fromResult('open', () => calls.open(context)).pipe(
        map((partition) => {
          const rows: Row[] = []
          this.#rows[context.partitionId] = rows
          return watched(partition, partitionPorts, (port, [chunk]) => {
            if (port === 'write') for (const row of chunk as readonly Row[]) rows.push(row)
            faults[port]?.()
          })
        }),
      )
    return withOwn(calls, { open: { value: open } })
  }

  watchCheckpoint(checkpoint: Checkpoint): Checkpoint {
    const calls = watched(checkpoint, ['open'], () => {})
    const open: Checkpoint['open'] = (query) =>
      fromResult('open of the checkpoint', () => calls.open(query)).pipe(
        map((session) => {
          this.#planned = session.recovered.pending
          return watched(session, ['write'], (_, [records]) => {
            for (const record of records as readonly LogRecord[]) if ('plan' in record) this.#planned = record.plan
          })
        }),
      )
    return withOwn(calls, { open: { value: open } })
  }

  takeBatch(replay: boolean): DrivenBatch<Offset, Partition, Row> {
    const { batchId, start, end, partitions } = this.#planned as PlannedBatch<Offset, Partition>
    const rows = this.#rows.splice(0).flat()
    return { batchId, start, end, partitions, rows, ...(replay ? { replay } : {}) }
  }
}

function rangeText({ start, end }: { readonly start: object; readonly end: object }): string {
  return `[${offsetText(start)}, ${offsetText(end)})`
}

function offsetText(offset: object): string {
  const [value, ...others] = Object.values(offset)
  return others.length > 0 || value === undefined || typeof value === 'object' ? JSON.stringify(offset) : String(value)
}
