import { concatMap, firstValueFrom, from, isObservable, type ObservableInput } from 'rxjs'
import { bindPorts } from '../bind-ports.ts'
import type { PartitionWriter, StreamWriter } from '../sink.ts'
import { type JournalPort, journalPort, type StreamReader } from '../source.ts'
import type { Process } from './crash-world.ts'

/** A reader whose calls are effects of a process, each chunk of a read by itself. What only compares and counts is not. */
export function readerOf<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  process: Process,
): StreamReader<Offset, Partition, Row> {
  const { stop } = bindPorts<Stoppable, 'stop'>(reader, ['stop'])
  const ports = {
    ...bindPorts(reader, ['available', 'compare', 'defaultLimit', 'distance', 'partitionKey', 'reportLatestOffset']),
    initialOffset: () => process.effect('initialOffset', () => reader.initialOffset()),
    latestOffset: (start: Offset, limit: Parameters<typeof reader.latestOffset>[1]) =>
      process.effect(`latestOffset from ${show(start)}`, () => reader.latestOffset(start, limit)),
    partitions: (start: Offset, end: Offset) =>
      process.effect(`partitions of [${show(start)}, ${show(end)})`, () => reader.partitions(start, end)),
    read: (partition: Partition, context: Parameters<typeof reader.read>[1]) =>
      chunksOf(reader.read(partition, context), `read ${show(partition)}`, process),
    ...(stop && { stop: () => process.command('source stops', stop) }),
  }
  if (reader.kind === 'acked') {
    const { hold, ...figures } = bindPorts(reader, ['hold', 'outstanding'])
    return {
      ...ports,
      ...figures,
      kind: 'acked',
      ...(hold && {
        hold: (start: Offset, end: Offset) =>
          process.command(`hold [${show(start)}, ${show(end)})`, () => hold(start, end)),
      }),
      commit: (end) => process.command(`ack up to ${show(end)}`, () => reader.commit(end)),
      release: (start, end) =>
        process.command(`release [${show(start)}, ${show(end)})`, () => reader.release(start, end)),
    }
  }
  const { commit } = bindPorts(reader, ['commit'])
  const journal = reader[journalPort]
  return {
    ...ports,
    ...(commit && { commit: (end: Offset) => process.command(`source commit ${show(end)}`, () => commit(end)) }),
    ...(journal && { [journalPort]: journalOf(journal, process) }),
  }
}

/** A writer whose calls are effects of a process, those of its partitions too. */
export function writerOf<Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  process: Process,
): StreamWriter<Row, Message> {
  const { start, begin, abort, stop } = bindPorts(writer, ['start', 'begin', 'abort', 'stop'])
  return {
    guarantee: writer.guarantee,
    ...(start && { start: (context) => process.command('sink starts', () => start(context)) }),
    ...(begin && { begin: (batch) => process.effect(`sink begins batch ${batch.batchId}`, () => begin(batch)) }),
    open: (context) => {
      const place = `partition ${context.partitionId} of batch ${context.batchId}`
      return process
        .effect(`open ${place}`, () => writer.open(context))
        .pipe(concatMap((partition) => [partitionOf(partition, place, process)]))
    },
    commit: (messages, batch) =>
      process.command(`sink commits batch ${batch.batchId}`, () => writer.commit(messages, batch)),
    ...(abort && {
      abort: (messages, batch) => process.command(`sink aborts batch ${batch.batchId}`, () => abort(messages, batch)),
    }),
    ...(stop && { stop: () => process.command('sink stops', stop) }),
  }
}

type Stoppable = Pick<StreamReader<never, never, never>, 'stop'>

function journalOf(journal: JournalPort, process: Process): JournalPort {
  return {
    acked: journal.acked,
    identity: journal.identity,
    bind: (session, last) => process.command('journal opens', () => journal.bind(session, last)),
    capture: (batch, context) =>
      process.effect(`journal takes batch ${batch.batchId}`, () => journal.capture(batch, context)),
    captured: (batch) => process.command(`journaled source commit ${show(batch.end)}`, () => journal.captured(batch)),
  }
}

function partitionOf<Row extends object, Message>(
  partition: PartitionWriter<Row, Message>,
  place: string,
  process: Process,
): PartitionWriter<Row, Message> {
  const { discard } = bindPorts(partition, ['discard'])
  return {
    write: (rows) => process.command(`write ${rows.length} rows of ${place}`, () => partition.write(rows)),
    finish: () => process.effect(`finish ${place}`, () => partition.finish()),
    ...(discard && { discard: () => process.command(`discard ${place}`, discard) }),
  }
}

/** What can be pulled is pulled. An answer that isn't a list of chunks stays what it is: the engine refuses it. */
function chunksOf<Row>(
  chunks: ObservableInput<readonly Row[]>,
  text: string,
  process: Process,
): ObservableInput<readonly Row[]> {
  if (isObservable(chunks)) return from(chunks).pipe(concatMap((chunk) => process.effect(text, () => chunk)))
  if (typeof chunks !== 'object' || chunks === null) return chunks
  return Symbol.asyncIterator in chunks || Symbol.iterator in chunks ? pulled(chunks, text, process) : chunks
}

async function* pulled<Row>(
  chunks: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  text: string,
  process: Process,
): AsyncGenerator<readonly Row[]> {
  for await (const chunk of chunks) yield await firstValueFrom(process.effect(text, () => chunk))
}

function show(value: unknown): string {
  return JSON.stringify(value)
}
