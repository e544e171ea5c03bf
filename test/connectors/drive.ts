import { firstValueFrom, from, toArray } from 'rxjs'
import type { Batch, PartitionContext } from '../../src/batch.ts'
import { fromResult, type Result } from '../../src/result.ts'
import type { PartitionWriter, StartContext, StreamWriter, WriteContext } from '../../src/sink.ts'
import { type ReadLimit, type ReplayableReader, readAllAvailable } from '../../src/source.ts'

/** Calls ports in the order of the protocol, as the engine does, without an engine. */

export function batchOf(batchId: number, over: Partial<Batch> = {}): Batch {
  return { queryId: 'q', batchId, start: { offset: batchId * 10 }, end: { offset: batchId * 10 + 10 }, ...over }
}

export function startOf(over: Partial<StartContext> = {}): StartContext {
  return { queryId: 'q', sinkId: 'main', epoch: 1, schema: undefined, ...over }
}

function partitionOf({ queryId, batchId }: Batch, partitionId: number): PartitionContext {
  return { queryId, batchId, partitionId, attempt: 0, signal: new AbortController().signal, report: () => undefined }
}

export function contextOf(batch: Batch, partitionId: number, over: Partial<WriteContext> = {}): WriteContext {
  const idempotencyKey = (first: number, count: number) => `${batch.batchId}/${partitionId}/${first}/${count}`
  return { ...partitionOf(batch, partitionId), sinkId: 'main', epoch: 1, deterministic: true, idempotencyKey, ...over }
}

type Steps<T> = Generator<() => Result<unknown>, T, unknown>
/** The chunks of each partition. */
export type Partitions<Row> = readonly (readonly (readonly Row[])[])[]

/** Writes and finishes all partitions, the chunks of different partitions in turn. Stops short of the commit. */
function* staging<Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  batch: Batch,
  partitions: Partitions<Row>,
): Steps<Message[]> {
  const open: PartitionWriter<Row, Message>[] = []
  for (const id of partitions.keys())
    open.push((yield () => writer.open(contextOf(batch, id))) as PartitionWriter<Row, Message>)
  const rounds = Math.max(0, ...partitions.map((chunks) => chunks.length))
  for (let round = 0; round < rounds; round++) {
    for (const [id, chunks] of partitions.entries()) {
      const chunk = chunks[round]
      if (chunk !== undefined) yield () => open[id]?.write(chunk)
    }
  }
  const messages: Message[] = []
  for (const partition of open) messages.push((yield () => partition.finish()) as Message)
  return messages
}

function* whole<Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  batch: Batch,
  partitions: Partitions<Row>,
): Steps<'written' | 'committed'> {
  if (writer.begin !== undefined && (yield () => writer.begin?.(batch)) === 'committed') return 'committed'
  const messages = yield* staging(writer, batch, partitions)
  yield () => writer.commit(messages, batch)
  return 'written'
}

async function eventually<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next()
  while (!step.done) step = steps.next(await settle(step.value))
  return step.value
}

function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next()
  while (!step.done) step = steps.next(now(step.value))
  return step.value
}

/** `begin`, and unless the batch is there already: all partitions and the commit. */
export const writeBatch = <Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  batch: Batch,
  partitions: Partitions<Row>,
) => eventually(whole(writer, batch, partitions))
/** The same, failing where a port isn't synchronous. */
export const writeBatchNow = <Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  batch: Batch,
  partitions: Partitions<Row>,
) => atOnce(whole(writer, batch, partitions))
/** All partitions without the commit. */
export const stageBatch = <Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  batch: Batch,
  partitions: Partitions<Row>,
) => eventually(staging(writer, batch, partitions))

export function settle<T>(call: () => Result<T>): Promise<T> {
  return firstValueFrom(fromResult('port', call))
}

/** The answer of a port that must give it before it returns. */
export function now<T>(call: () => Result<T>): T {
  const answers: T[] = []
  let failed: { error: unknown } | undefined
  fromResult('port', call).subscribe({
    next: (answer) => answers.push(answer),
    error: (error: unknown) => {
      failed = { error }
    },
  })
  if (failed !== undefined) throw failed.error
  if (answers.length !== 1) throw new Error('the port did not answer synchronously')
  return answers[0] as T
}

/** One batch from `start`: its end, its partitions and the rows of each, read synchronously. */
export function readBatchNow<Offset extends object, Partition, Row extends object>(
  reader: ReplayableReader<Offset, Partition, Row>,
  start: Offset,
  limit: Partial<ReadLimit> = {},
): { end: Offset; partitions: readonly Partition[]; rows: Row[][] } {
  const end = now(() => reader.latestOffset(start, { ...readAllAvailable, ...limit }))
  const partitions = now(() => reader.partitions(start, end))
  const rows = partitions.map((partition, id) => readNow(reader, partition, id))
  return { end, partitions, rows }
}

export function readNow<Partition, Row extends object>(
  reader: Pick<ReplayableReader<object, Partition, Row>, 'read'>,
  partition: Partition,
  id = 0,
): Row[] {
  return now(() => from(reader.read(partition, partitionOf(batchOf(0), id))).pipe(toArray())).flat()
}
