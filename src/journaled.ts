import { concat, concatMap, EMPTY, from, map, type Observable, type ObservableInput, of, toArray } from 'rxjs'
import type { PlannedBatch } from './batch.ts'
import { bindPorts } from './bind-ports.ts'
import { checkReader, checkSimpleReader } from './check-ports.ts'
import type { CheckpointSession } from './checkpoint/checkpoint.ts'
import { encodeJournal } from './checkpoint/journal.ts'
import { filterChunks } from './chunk-input.ts'
import type { StreamSource } from './data-source.ts'
import { CheckpointCorruptError, OptionError, PortError } from './errors.ts'
import { IdentityWindow, type JournalHeader, snapshotEvery } from './identity-window.ts'
import { mergeBounded } from './merge-bounded.ts'
import { sameOffset } from './offset.ts'
import { rules, validateOptions } from './options.ts'
import { fromCommand, fromResult, type Result } from './result.ts'
import { prefetching } from './simple-reader.ts'
import {
  type JournalPort,
  journalPort,
  type ReadContext,
  type ReplayableReader,
  type SimpleStreamReader,
  type StreamReader,
} from './source.ts'

/** Options of {@link journaled}. */
export interface JournalOptions<Row> {
  /**
   * What makes a row the same when it is delivered again, e.g. a message id. With it redelivered rows are dropped, within {@link window};
   * without it a crash between journal and acknowledgement journals rows twice. A row for which it gives `null` or an empty text fails the batch:
   * it might be a repeat of any other.
   */
  readonly identity?: (row: Row) => string | null
  /**
   * How many of the latest identities are remembered, over restarts too; twice the largest batch in any case. Of a queue that says how much it may
   * deliver again (`outstanding`), no less than twice that. @default 10_000, or twice `outstanding` where that is more
   */
  readonly window?: number
}

const defaultWindow = 10_000

/** The one slice of a journaled batch: all of its journal. */
export interface JournalPartition {
  readonly journal: true
}

/**
 * Makes a source replayable that isn't: a queue, or one that only knows "now". The rows of a batch become durable together with its plan;
 * then the source may forget them; then they are read from the journal, as often as it takes.
 *
 * **Hazards**: the rows of a batch are in memory at once, so a batch takes 10,000 rows at most unless source or query set another limit.
 * After the acknowledgement their durability is this disk's, not the broker's. The checkpoint must keep {@link snapshotEvery} + 1 batches or more.
 *
 * @param source bound to its options, such as `rabbitmqQueue({ … })`; or a reader, within a definition of one's own.
 * @throws OptionError for a bad option; at start, when the checkpoint can't keep journals, or the window is smaller than what may be delivered again.
 * @example
 * readStream(journaled(rabbitmqQueue({ url, queue: 'orders' }), { identity: ({ messageId }) => messageId }))
 */
export function journaled<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
  options?: JournalOptions<Row>,
): StreamSource<Offset, JournalPartition, Row>
export function journaled<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  options?: JournalOptions<Row>,
): ReplayableReader<Offset, JournalPartition, Row>
export function journaled<Offset extends object, Row extends object>(
  reader: SimpleStreamReader<Offset, Row>,
  options?: JournalOptions<Row>,
): ReplayableReader<Offset, JournalPartition, Row>
export function journaled<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row> | StreamReader<Offset, Partition, Row> | SimpleStreamReader<Offset, Row>,
  options: JournalOptions<Row> = {},
): StreamSource<Offset, JournalPartition, Row> | ReplayableReader<Offset, JournalPartition, Row> {
  validateOptions('journaled', options, { identity: rules.function, window: rules.positiveInteger })
  if ('streamReader' in source)
    return { ...source, streamReader: () => journaledStream(source.streamReader(), options) }
  if ('latestOffset' in source) return journaledStream(source, options)
  checkSimpleReader('journaled', source)
  return journaledSimple(source, options)
}

function journaledStream<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  options: JournalOptions<Row>,
): ReplayableReader<Offset, JournalPartition, Row> {
  checkReader('journaled', reader)
  const outstanding = reader.kind === 'acked' ? (reader.outstanding ?? 0) : 0
  const { identity, window = Math.max(defaultWindow, 2 * outstanding) } = options
  if (identity !== undefined && window < 2 * outstanding)
    throw new OptionError(
      `journaled: option "window" is ${window}, and this queue has up to ${outstanding} messages under way, all of which may come again among as many new ones: expected ${2 * outstanding} or more`,
    )
  const outside = bindPorts<Outside<Offset>, keyof Outside<Offset>>(reader, outsidePorts)
  const { settlements } = reader.kind === 'acked' ? bindPorts(reader, ['settlements']) : {}
  return journaledReader(outside, readAll(reader), { ...options, window, settlements })
}

function journaledSimple<Offset extends object, Row extends object>(
  simple: SimpleStreamReader<Offset, Row>,
  options: JournalOptions<Row>,
): ReplayableReader<Offset, JournalPartition, Row> {
  const prefetch = prefetching(simple)
  const rows = (batch: PlannedBatch): Observable<readonly Row[]> => {
    if (sameOffset(batch.start, batch.end)) return of([]) // nothing new here, but elsewhere in a union
    const kept = prefetch.rowsOf(batch.start as Offset, batch.end as Offset)
    if (kept === undefined)
      throw new PortError('the rows of a journaled simple reader are gone before they were journaled')
    return of(kept)
  }
  // Without an order of offsets: `availableNow` would freeze its target by a read of its own, whose rows are gone then.
  const others = bindPorts(simple, ['initialOffset', 'commit', 'stop'])
  const commit = (end: Offset): Result<unknown> => {
    prefetch.forget(end) // the journal has them
    return others.commit?.(end)
  }
  return journaledReader({ ...others, latestOffset: prefetch.latestOffset, commit }, rows, options)
}

type ReadBatch<Row> = (batch: PlannedBatch, context: ReadContext) => Observable<readonly Row[]>

/** All partitions of a batch, one after the other, so that the journal's order is always the same. */
function readAll<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
): ReadBatch<Row> {
  return (batch, context) =>
    fromResult('partitions', () => reader.partitions(batch.start as Offset, batch.end as Offset)).pipe(
      concatMap((partitions) => from(partitions.entries())),
      mergeBounded(([partitionId, partition]) => from(reader.read(partition, { ...context, partitionId })), 1),
    )
}

const outsidePorts = [
  'kind',
  'initialOffset',
  'latestOffset',
  'commit',
  'compare',
  'distance',
  'reportLatestOffset',
  'defaultLimit',
  'available',
  'stop',
] as const

type Settlements = Pick<JournalPort, 'settlements'>

/** What of a reader the journal doesn't take over. */
type Outside<Offset extends object> = Pick<StreamReader<Offset, never, never>, (typeof outsidePorts)[number]>

function journaledReader<Offset extends object, Row extends object>(
  source: Outside<Offset>,
  read: ReadBatch<Row>,
  { identity, window = defaultWindow, settlements }: JournalOptions<Row> & Settlements,
): ReplayableReader<Offset, JournalPartition, Row> {
  const { kind, commit, ...outside } = source
  const known = identity === undefined ? undefined : new IdentityWindow(identity, window)
  let journal: NonNullable<CheckpointSession['readJournal']> | undefined
  const port: JournalPort = {
    acked: kind === 'acked',
    settlements,
    identity: identity !== undefined,
    bind: (session, last) => {
      const { readJournal } = session
      if (readJournal === undefined)
        throw new OptionError('journaled: this checkpoint keeps no journals; use fileCheckpoint or sqliteCheckpoint')
      if (known !== undefined && session.retain !== undefined && session.retain <= snapshotEvery)
        throw new OptionError(
          `journaled: with an identity the checkpoint must keep ${snapshotEvery + 1} batches or more, and it keeps ${session.retain}`,
        )
      journal = (batchId) => readJournal.call(session, batchId)
      const again =
        last === undefined || commit === undefined || kind === 'acked'
          ? EMPTY
          : fromCommand(() => commit(last.end as Offset))
      return known === undefined || last === undefined ? again : concat(known.restore(journal, last.batchId), again)
    },
    capture: (batch, context) =>
      read(batch, context).pipe(
        toArray(),
        map((chunks) =>
          known === undefined
            ? encode({}, chunks)
            : known.capture(batch.batchId, chunks, encode, (rows) => context.report({ bytes: 0, deduplicated: rows })),
        ),
      ),
    captured: (batch) => {
      known?.accept()
      return commit?.(batch.end as Offset)
    },
  }
  return {
    defaultLimit: { maxRows: 10_000 },
    ...outside,
    partitions: (start, end) => (sameOffset(start, end) ? [] : [{ journal: true }]),
    read: (_partition, { batchId }) => {
      const missing = (): Error =>
        new CheckpointCorruptError(
          `the journal of batch ${batchId} is missing: expected the rows that were logged with it`,
        )
      return withoutHeader((journal as NonNullable<typeof journal>)(batchId), missing) as ObservableInput<
        readonly Row[]
      >
    },
    [journalPort]: port,
  }
}

const rowsPerRecord = 1000

function encode(header: JournalHeader, chunks: readonly (readonly unknown[])[]): readonly Uint8Array[] {
  const rows = chunks.flat()
  const records = [encodeJournal([header])]
  for (let i = 0; i < rows.length; i += rowsPerRecord) records.push(encodeJournal(rows.slice(i, i + rowsPerRecord)))
  return records
}

/** Every journal has a header, so a journal without one is missing, and not empty. */
function withoutHeader(
  chunks: ObservableInput<readonly unknown[]>,
  missing: () => Error,
): ObservableInput<readonly unknown[]> {
  return filterChunks(chunks, () => {
    let header = false
    return {
      keep: () => {
        const isRows = header
        header = true
        return isRows
      },
      end: () => {
        if (!header) throw missing()
      },
    }
  })
}
