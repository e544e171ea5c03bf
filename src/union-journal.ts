import { concat, concatMap, from, map, type Observable, reduce } from 'rxjs'
import type { PlannedBatch } from './batch.ts'
import type { CheckpointSession } from './checkpoint/checkpoint.ts'
import { encodeJournal } from './checkpoint/journal.ts'
import { type ChunkGate, filterChunks } from './chunk-input.ts'
import { sameOffset } from './offset.ts'
import { fromCommand, fromResult } from './result.ts'
import { addSettlements, noSettlements } from './settlement-counts.ts'
import { type JournalPort, journalPort, type ReadContext, type ReplayableReader } from './source.ts'

/** A source of a union that is journaled. */
export type JournaledChild<Row extends object> = readonly [
  name: string,
  reader: ReplayableReader<object, unknown, Row> & { readonly [journalPort]: JournalPort },
]

/** Stands before the records of one source in the union's journal. */
interface Label {
  readonly source: string
  readonly records: number
}

/**
 * The journal of a union: that of each journaled source behind a label of its own. `undefined` when none is journaled.
 * A source sees of the union's journal only its own records, and of the batches only its own ranges.
 */
export function unionJournal<Row extends object>(children: readonly JournaledChild<Row>[]): JournalPort | undefined {
  if (children.length === 0) return undefined
  const ports = children.map(([name, reader]) => [name, reader[journalPort]] as const)
  const queues = ports.filter(([, { acked }]) => acked)
  const counting = queues.flatMap(([, { settlements }]) => (settlements === undefined ? [] : [settlements]))
  return {
    acked: queues.length > 0,
    ...(counting.length > 0 && {
      settlements: () => counting.reduce((sum, settlements) => addSettlements(sum, settlements()), noSettlements),
    }),
    identity: queues.every(([, { identity }]) => identity),
    bind: (session, last) =>
      concat(
        ...ports.map(([name, port]) =>
          fromCommand(() => port.bind(sessionOf(name, session), last && batchOf(name, last))),
        ),
      ),
    capture: (batch, context) =>
      from(ports).pipe(
        concatMap(([name, port]) => captureOf(name, port, batch, context)),
        reduce((all: readonly Uint8Array[], some) => [...all, ...some], []),
      ),
    captured: (batch) => concat(...ports.map(([name, port]) => fromCommand(() => port.captured(batchOf(name, batch))))),
  }
}

function captureOf(
  source: string,
  port: JournalPort,
  batch: PlannedBatch,
  context: ReadContext,
): Observable<readonly Uint8Array[]> {
  return fromResult('capture', () => port.capture(batchOf(source, batch), context)).pipe(
    map((records) => [encodeJournal([{ source, records: records.length } satisfies Label]), ...records]),
  )
}

function batchOf(name: string, batch: PlannedBatch): PlannedBatch {
  const [start, end] = [batch.start, batch.end].map(
    (offset) => (offset as Readonly<Record<string, object>>)[name] as object,
  ) as [object, object]
  return { ...batch, start, end, partitions: sameOffset(start, end) ? [] : batch.partitions }
}

function sessionOf(name: string, session: CheckpointSession): CheckpointSession {
  const { readJournal } = session
  if (readJournal === undefined) return session
  return {
    ...session,
    readJournal: (batchId) => filterChunks(readJournal.call(session, batchId), () => recordsOf(name)),
  }
}

function recordsOf(name: string): ChunkGate {
  let current: Label = { source: '', records: 0 }
  return {
    keep: (record) => {
      if (current.records === 0) {
        current = record[0] as Label
        return false
      }
      current = { ...current, records: current.records - 1 }
      return current.source === name
    },
  }
}
