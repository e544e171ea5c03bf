import type { BatchOutcome, PlannedBatch } from '../batch.ts'
import { CheckpointCorruptError, OffsetError, PortError } from '../errors.ts'
import { canonicalOffset, isFrozenCopy, sameOffset } from '../offset.ts'
import type { LogRecord } from './checkpoint.ts'
import { assertJson, type LoggedPlan } from './plan-text.ts'

/** A batch in the log. Only Spark logs one without its plan. */
export interface LoggedBatch {
  readonly batchId: number
  readonly end: object
  readonly plan?: LoggedPlan
}

/** What the next record must follow on. */
export interface LogPosition {
  readonly queryId: string
  readonly sources: readonly string[]
  readonly initial: object | undefined
  /** The last batch with a known range. */
  readonly last: LoggedBatch | undefined
  /** Where `last` starts, where that is known. */
  readonly lastStart: object | undefined
  /** The last finished batch, -1 for none. */
  readonly done: number
  readonly outcome: BatchOutcome | undefined
  /** Journal records of the batch to be planned next. */
  readonly chunks: number
}

/** A record that isn't in the log yet, checked and copied. */
export type LogEntry =
  | { readonly kind: 'initial'; readonly offset: object }
  | { readonly kind: 'journal'; readonly batchId: number; readonly chunk: number; readonly rows: Uint8Array }
  | { readonly kind: 'plan'; readonly plan: LoggedPlan; readonly text: string }
  | { readonly kind: 'done'; readonly batchId: number; readonly outcome: BatchOutcome }

export interface Admitted {
  readonly entries: readonly LogEntry[]
  readonly position: LogPosition
  /** Of the entries, as JSON and journal. */
  readonly bytes: number
}

/**
 * Checks records against the log before any of them is written: batches come one after the other, each starts where the last one ended.
 * A record that the log holds already is dropped.
 * @throws CheckpointCorruptError when the log holds it with other content, PortError when it is out of order.
 */
export function admit(position: LogPosition, records: readonly LogRecord[]): Admitted {
  const entries: LogEntry[] = []
  let current = position
  let bytes = 0
  for (const record of records) {
    const step = admitOne(current, record)
    if (step === undefined) continue
    entries.push(step.entry)
    current = step.position
    bytes += step.bytes ?? 0
  }
  return { entries, position: current, bytes }
}

interface Step {
  readonly entry: LogEntry
  readonly position: LogPosition
  /** Where it is known without extra work; what is small isn't counted. */
  readonly bytes?: number
}

function admitOne(position: LogPosition, record: LogRecord): Step | undefined {
  if ('initial' in record) return admitInitial(position, record.initial)
  if ('journal' in record) return admitJournal(position, record.journal, record.rows)
  if ('plan' in record) return admitPlan(position, record.plan)
  return admitDone(position, record.done, record.outcome)
}

function admitInitial(position: LogPosition, initial: object): Step | undefined {
  assertOffset(position, initial, 'initial offset')
  if (position.initial !== undefined) {
    if (sameOffset(position.initial, initial)) return undefined
    throw new CheckpointCorruptError(
      `initial offset: the log holds ${JSON.stringify(position.initial)}, and it can't become ${JSON.stringify(initial)}`,
    )
  }
  const offset = copy(initial)
  return { entry: { kind: 'initial', offset }, position: { ...position, initial: offset } }
}

function admitJournal(position: LogPosition, batchId: number, rows: Uint8Array): Step {
  if (batchId !== nextId(position) || !settled(position)) throw outOfOrder(`journal of batch ${batchId}`, position)
  const chunk = position.chunks
  return {
    entry: { kind: 'journal', batchId, chunk, rows: Uint8Array.from(rows) },
    position: { ...position, chunks: chunk + 1 },
    bytes: rows.byteLength,
  }
}

function admitPlan(position: LogPosition, batch: PlannedBatch): Step | undefined {
  const { batchId, start, end, partitions } = batch
  const name = `plan of batch ${batchId}`
  if (batch.queryId !== position.queryId)
    throw new PortError(`${name}: it belongs to query ${batch.queryId}, and this is the log of ${position.queryId}`)
  assertOffset(position, start, `${name}: start`)
  assertOffset(position, end, `${name}: end`)
  if (!isFrozenCopy(partitions))
    partitions.forEach((partition, index) => {
      assertJson(partition, `${name}: partition ${index}`)
    })
  const { last } = position
  const journal = batchId === last?.batchId ? (last.plan?.journal ?? 0) : position.chunks
  const given: LoggedPlan = { batchId, start, end, partitions, journal }
  const text = JSON.stringify(given)
  // As the engine plans it, it can't change any more.
  const plan = [start, end, partitions].every(isFrozenCopy) ? given : (JSON.parse(text) as LoggedPlan)
  if (last !== undefined && batchId === last.batchId) {
    if (last.plan === undefined) return adoptPlan(position, last, plan, { name, text })
    if (samePlan(plan, last.plan)) return undefined
    throw new CheckpointCorruptError(`${name}: the log holds another plan for it`)
  }
  if (batchId !== nextId(position) || !settled(position)) throw outOfOrder(name, position)
  const from = last?.end ?? position.initial
  if (from === undefined) throw new PortError(`${name}: the initial offset must be in the log first`)
  assertStart(from, plan.start, name)
  return planned(position, plan, text)
}

/** The slices of a batch whose range Spark logged. */
function adoptPlan(
  position: LogPosition,
  last: LoggedBatch,
  plan: LoggedPlan,
  { name, text }: { readonly name: string; readonly text: string },
): Step {
  if (position.done >= last.batchId) throw outOfOrder(name, position)
  const from = position.lastStart ?? position.initial
  if (from === undefined) throw new PortError(`${name}: the initial offset must be in the log first`)
  assertStart(from, plan.start, name)
  if (!sameOffset(last.end, plan.end))
    throw new PortError(
      `${name}: it must end at ${JSON.stringify(last.end)}, as logged, and it ends at ${JSON.stringify(plan.end)}`,
    )
  return planned(position, plan, text)
}

function planned(position: LogPosition, plan: LoggedPlan, text: string): Step {
  const last: LoggedBatch = { batchId: plan.batchId, end: plan.end, plan }
  return {
    entry: { kind: 'plan', plan, text },
    position: { ...position, last, lastStart: plan.start, chunks: 0 },
    bytes: text.length,
  }
}

function admitDone(position: LogPosition, batchId: number, outcome: BatchOutcome): Step | undefined {
  if (batchId === position.done && batchId >= 0) {
    if (outcome === position.outcome) return undefined
    throw new CheckpointCorruptError(
      `batch ${batchId}: the log says it was ${position.outcome}, and it can't become ${outcome}`,
    )
  }
  if (batchId !== position.done + 1 || batchId !== position.last?.batchId || position.last.plan === undefined) {
    throw outOfOrder(`end of batch ${batchId}`, position)
  }
  return { entry: { kind: 'done', batchId, outcome }, position: { ...position, done: batchId, outcome } }
}

/** Offsets of a query with several sources are objects by source name. */
export function assertOffset(position: { readonly sources: readonly string[] }, offset: object, where: string): void {
  canonicalOffset(offset, where)
  const { sources } = position
  if (sources.length === 1) return
  const names = Object.keys(offset)
  if (
    names.length === sources.length &&
    sources.every((name) => typeof Object.getOwnPropertyDescriptor(offset, name)?.value === 'object')
  )
    return
  throw new OffsetError(`${where}: expected an offset for each of ${sources.join(', ')}, found ${names.join(', ')}`)
}

function assertStart(from: object, start: object, name: string): void {
  if (sameOffset(from, start)) return
  throw new PortError(
    `${name}: it must start at ${JSON.stringify(from)}, where the log stands, and it starts at ${JSON.stringify(start)}`,
  )
}

function nextId(position: LogPosition): number {
  return (position.last?.batchId ?? -1) + 1
}

function settled(position: LogPosition): boolean {
  return position.done === (position.last?.batchId ?? -1)
}

function samePlan(a: LoggedPlan, b: LoggedPlan): boolean {
  return (
    sameOffset(a.start, b.start) &&
    sameOffset(a.end, b.end) &&
    JSON.stringify(a.partitions) === JSON.stringify(b.partitions)
  )
}

function outOfOrder(what: string, { last, done }: LogPosition): PortError {
  return new PortError(
    `${what}: out of order; last planned: ${last?.batchId ?? 'none'}, last finished: ${done < 0 ? 'none' : done}`,
  )
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
