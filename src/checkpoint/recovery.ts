import type { BatchOutcome, PlannedBatch } from '../batch.ts'
import { CheckpointCorruptError } from '../errors.ts'
import { sameOffset } from '../offset.ts'
import type { Recovered } from './checkpoint.ts'
import { assertOffset, type LoggedBatch, type LogPosition } from './log.ts'

/** Everything a log holds, as it was read. */
export interface Log {
  readonly queryId: string
  readonly sources: readonly string[]
  readonly initial: object | undefined
  /** Ascending. */
  readonly batches: readonly LoggedBatch[]
  /** Ascending. */
  readonly outcomes: ReadonlyMap<number, BatchOutcome>
  /** What the errors call an entry: a file, a table row. */
  readonly name: {
    readonly initial: string
    readonly plan: (batchId: number) => string
    readonly done: (batchId: number) => string
  }
}

export interface Recovery {
  readonly recovered: Recovered
  readonly position: LogPosition
}

/**
 * Where a query stands. With P the last planned and D the last finished batch:
 *
 * | log | answer |
 * |---|---|
 * | empty | a new query |
 * | D = P | `done` is D |
 * | D = P − 1 (or none, and P = 0) | `done` is D, `pending` is P: the same range and, unless Spark planned it, the same partitions |
 * | anything else, a gap, or a batch that doesn't start where the one before ended | refused |
 *
 * @throws CheckpointCorruptError
 */
export function recover(log: Log): Recovery {
  const last = log.batches.at(-1)
  const finished = [...log.outcomes.keys()]
  const done = finished.at(-1) ?? -1
  assertNoGap(
    log.batches.map(({ batchId }) => batchId),
    log.name.plan,
  )
  assertNoGap(finished, log.name.done)
  assertInStep(log, last?.batchId ?? -1, done)
  assertChain(log)
  if (log.initial !== undefined) assertShape(log, log.initial, log.name.initial)
  const before = log.batches.at(-2)
  const lastStart = last?.plan?.start ?? before?.end ?? (last?.batchId === 0 ? log.initial : undefined)
  const position: LogPosition = {
    queryId: log.queryId,
    sources: log.sources,
    initial: log.initial,
    last,
    lastStart,
    done,
    outcome: log.outcomes.get(done),
    chunks: 0,
  }
  return { position, recovered: describe(log, position) }
}

function describe({ queryId, initial, batches }: Log, { last, lastStart, done }: LogPosition): Recovered {
  const planned = (batch: LoggedBatch, start: object | undefined): PlannedBatch => {
    const { batchId, end, plan } = batch
    return { queryId, batchId, start: plan?.start ?? start ?? end, end, partitions: plan?.partitions ?? [] }
  }
  const from = initial === undefined ? {} : { initial }
  if (last === undefined) return from
  if (done === last.batchId) return { ...from, done: planned(last, lastStart) }
  const before = batches.at(-2)
  const start = batches.at(-3)?.end ?? (before?.batchId === 0 ? initial : undefined)
  const settled = before === undefined ? from : { ...from, done: planned(before, start) }
  if (last.plan !== undefined) return { ...settled, pending: planned(last, lastStart) }
  return {
    ...settled,
    unplanned: { batchId: last.batchId, ...(lastStart === undefined ? {} : { start: lastStart }), end: last.end },
  }
}

function assertNoGap(ids: readonly number[], name: (batchId: number) => string): void {
  ids.forEach((id, index) => {
    const expected = (ids[0] as number) + index
    if (id !== expected)
      throw new CheckpointCorruptError(`${name(expected)}: expected it before ${name(id)}, found a gap`)
  })
}

function assertInStep(log: Log, planned: number, done: number): void {
  if (done > planned)
    throw new CheckpointCorruptError(`${log.name.plan(done)}: expected it, because ${log.name.done(done)} is there`)
  if (done < planned - 1) {
    throw new CheckpointCorruptError(
      `${log.name.done(planned - 1)}: expected it, because ${log.name.plan(planned)} is there; batches ${done + 1} to ${planned - 1} would be lost`,
    )
  }
  if (planned > 0 && log.batches.length < 2) {
    throw new CheckpointCorruptError(
      `${log.name.plan(planned - 1)}: expected it, because batch ${planned} starts at its end`,
    )
  }
}

function assertChain(log: Log): void {
  log.batches.forEach(({ batchId, end, plan }, index) => {
    assertShape(log, end, log.name.plan(batchId))
    if (plan === undefined) return
    const before = batchId === 0 ? log.initial : log.batches[index - 1]?.end
    if (batchId === 0 && before === undefined)
      throw new CheckpointCorruptError(
        `${log.name.initial}: expected the initial offset, because ${log.name.plan(0)} is there`,
      )
    if (before === undefined || sameOffset(before, plan.start)) return
    throw new CheckpointCorruptError(
      `${log.name.plan(batchId)}: expected it to start at ${JSON.stringify(before)}, found ${JSON.stringify(plan.start)}`,
    )
  })
}

function assertShape(log: Log, offset: object, name: string): void {
  try {
    assertOffset(log, offset, name)
  } catch (cause) {
    throw new CheckpointCorruptError(`${name}: expected an offset of ${log.sources.join(', ')}`, { cause })
  }
}

/** @throws CheckpointCorruptError unless a checkpoint belongs to these sources, in this order. */
export function assertSources(where: string, logged: readonly string[], asked: readonly string[]): void {
  if (JSON.stringify(logged) === JSON.stringify(asked)) return
  throw new CheckpointCorruptError(
    `${where}: expected the sources ${asked.join(', ')}, found a checkpoint of ${logged.join(', ')}; a query keeps its sources, their names and their order: go on with those, or give other sources a query and a checkpoint of their own`,
  )
}

/** The names of the sources as a checkpoint keeps them: a JSON array. @throws CheckpointCorruptError */
export function parseSources(text: string, where: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(text)
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch (cause) {
    throw new CheckpointCorruptError(`${where}: expected the names of the sources as JSON`, { cause })
  }
  throw new CheckpointCorruptError(`${where}: expected the names of the sources`)
}
