import { map, ReplaySubject } from 'rxjs'
import type { PlannedBatch } from '../batch.ts'
import type { Checkpoint, LogRecord } from '../checkpoint/checkpoint.ts'
import { OptionError } from '../errors.ts'
import { fromResult } from '../result.ts'
import type { StreamWriter, WriteContext } from '../sink.ts'
import type { AckedReader, ReplayableReader, StreamReader } from '../source.ts'
import { watched, withOwn } from './driver-ports.ts'

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

/** The calls of a reader that are noted and can be made to fail. `compare` and `partitionKey` pass by unseen. */
export type ReaderPort = (typeof readerPorts)[number]
/** The calls of a writer, and of its partitions, that can be made to fail. */
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

/** By port. */
export type Faults<Port extends string> = Readonly<Partial<Record<Port, Fault>>>

/** A batch that was committed. */
export interface DrivenBatch<Partition, Row extends object> {
  readonly batchId: number
  /** Such as `[0, 10)`: an offset with one plain property is that alone, others are JSON. */
  readonly range: string
  readonly partitions: readonly Partition[]
  /** As they reached the writer, by partition. None where the sink held the batch already. */
  readonly rows: readonly Row[]
  /** The batch was planned by an earlier run; else absent. */
  readonly replay?: true
}

/** Calls of a reader, after which a run counts as endless: in virtual time nothing else would end it. */
const maxCalls = 10_000

/** What a batch was planned as and what was written of it, seen from the ports. */
export class RunRecord<Offset extends object, Partition, Row extends object> {
  readonly calls$ = new ReplaySubject<ReaderCall>()
  #calls = 0
  #planned: PlannedBatch | undefined
  readonly #rows: Row[][] = []

  watchReader(
    reader: DrivenReader<Offset, Partition, Row>,
    faults: Faults<ReaderPort> = {},
  ): StreamReader<Offset, Partition, Row> {
    const calls = watched(reader as AckedReader<Offset, Partition, Row>, readerPorts, (port, args) => {
      if (++this.#calls > maxCalls) {
        throw new OptionError(
          `drive: the run doesn't end (${maxCalls} calls of the reader); let the trigger complete, or unsubscribe`,
        )
      }
      this.calls$.next({ port, args: port === 'read' ? args.slice(0, 1) : args })
      faults[port]?.()
    })
    return reader.read === undefined ? withOwn(calls, { read: { value: () => [] } }) : calls
  }

  watchWriter<Message>(
    writer: StreamWriter<Row, Message>,
    faults: Faults<WriterPort> = {},
  ): StreamWriter<Row, Message> {
    const calls = watched(writer, writerPorts, (port) => {
      if (port === 'begin') this.#rows.length = 0 // of an earlier attempt, should the sink hold the batch
      faults[port]?.()
    })
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
            for (const record of records as readonly LogRecord[]) {
              if (!('plan' in record)) continue
              this.#planned = record.plan
              this.#rows.length = 0
            }
          })
        }),
      )
    return withOwn(calls, { open: { value: open } })
  }

  takeBatch(replay: boolean): DrivenBatch<Partition, Row> {
    const { batchId, start, end, partitions } = this.#planned as PlannedBatch<Offset, Partition>
    const range = `[${offsetText(start)}, ${offsetText(end)})`
    const rows = this.#rows.splice(0).flat()
    return { batchId, range, partitions, rows, ...(replay ? { replay } : {}) }
  }
}

function offsetText(offset: object): string {
  const [value, ...others] = Object.values(offset)
  return others.length > 0 || value === undefined || typeof value === 'object' ? JSON.stringify(offset) : String(value)
}
