import { activities } from '../activity.ts'
import type { LiveFigures } from '../events.ts'
import {
  type FailureKind,
  failureKinds,
  type PartitionActivity,
  type PartitionState,
  partitionActivities,
} from './vocabulary.ts'

type Figures = () => LiveFigures

/** What is counted for a partition; times are milliseconds. */
export interface PartitionTotals {
  rowsRead: number
  rowsDelivered: number
  rowsCommitted: number
  bytesRead: number
  bytesDelivered: number
  bytesCommitted: number
  chunksRead: number
  filtered: number
  duplicate: number
  late: number
  deadLetter: number
  readMs: number
  writeMs: number
  finishMs: number
}

/** A partition as it stands at one moment. Moments are milliseconds, 0 where something has never happened. */
export interface PartitionSnapshot extends Readonly<PartitionTotals> {
  readonly partition: string
  readonly state: PartitionState
  readonly activity: PartitionActivity
  readonly timesMs: Readonly<Record<PartitionActivity, number>>
  readonly attempts: number
  readonly retries: number
  readonly stalls: number
  readonly watchdogAborts: number
  readonly failures: Readonly<Record<FailureKind, number>>
  /** Attempts that failed since one last got through. */
  readonly failuresInRow: number
  /** When the first of them did; 0: none has. */
  readonly failingSince: number
  readonly inFlightRows: number
  readonly inFlightChunks: number
  readonly uncommittedRows: number
  readonly firstSeenAt: number
  readonly lastReadAt: number
  readonly lastRowAt: number
  readonly lastCommitAt: number
  readonly lastErrorAt: number
  /** When anything last moved in it. */
  readonly lastMovedAt: number
  /** Behind the head of its source; `undefined` where the source can't tell. */
  readonly lagRows: number | undefined
}

const noTotals: PartitionTotals = {
  rowsRead: 0,
  rowsDelivered: 0,
  rowsCommitted: 0,
  bytesRead: 0,
  bytesDelivered: 0,
  bytesCommitted: 0,
  chunksRead: 0,
  filtered: 0,
  duplicate: 0,
  late: 0,
  deadLetter: 0,
  readMs: 0,
  writeMs: 0,
  finishMs: 0,
}

/** One label: what its attempts have come to, and those that are under way. Several slots of a batch may share it. */
export class PartitionWatch {
  readonly partition: string
  readonly #totals: PartitionTotals = { ...noTotals }
  readonly #times = zeros(partitionActivities)
  readonly #failures = zeros(failureKinds)
  readonly #live = new Map<number, Figures>()
  /** Delivered by slots of the batch in flight. */
  readonly #pending = new Map<number, { readonly rows: number; readonly bytes: number }>()
  readonly #stalled = new Set<number>()
  readonly #inBatch = new Set<number>()
  #between: 'idle' | 'backoff' | 'commit' = 'idle'
  #since: number
  #attempts = 0
  #retries = 0
  #stalls = 0
  #watchdogAborts = 0
  #failed = false
  #failuresInRow = 0
  #failingSince = 0
  #firstSeenAt: number
  #lastReadAt = 0
  #lastRowAt = 0
  #lastCommitAt = 0
  #lastErrorAt = 0
  #lastSeenAt: number
  #lagRows: number | undefined

  constructor(partition: string, at: number) {
    this.partition = partition
    this.#since = this.#firstSeenAt = this.#lastSeenAt = at
  }

  started(slot: number, attempt: number, figures: Figures): void {
    const { startedAt } = figures()
    this.#fold(slot)
    if (this.#live.size === 0) this.#pass(startedAt)
    this.#live.set(slot, figures)
    this.#inBatch.add(slot)
    this.#failed = false
    this.#attempts++
    if (attempt > 0) this.#retries++
    this.#lastSeenAt = startedAt
  }

  progressed(slot: number): void {
    if (this.#stalled.size > 0) this.#stalled.delete(slot)
  }

  finished(slot: number, at: number): void {
    const figures = this.#fold(slot)
    this.#failuresInRow = this.#failingSince = 0
    if (figures !== undefined) this.#pending.set(slot, { rows: figures.rowsWritten, bytes: figures.bytesWritten })
    this.#lastSeenAt = at
  }

  failed(slot: number, kind: FailureKind, at: number): void {
    this.#fold(slot)
    this.#pending.delete(slot)
    this.#failures[kind]++
    if (this.#failuresInRow++ === 0) this.#failingSince = at
    this.#failed = true
    this.#lastErrorAt = this.#lastSeenAt = at
  }

  backsOff(at: number): void {
    this.#failed = false
    this.turn('backoff', at)
  }

  stalls(slot: number): void {
    this.#stalls++
    this.#stalled.add(slot)
  }

  aborted(): void {
    this.#watchdogAborts++
  }

  lags(rows: number): void {
    this.#lagRows = rows
  }

  /** What goes on between attempts, from now on. */
  turn(between: 'idle' | 'backoff' | 'commit', at: number): void {
    if (this.#live.size === 0) this.#pass(at)
    this.#between = between
  }

  /** The batch is over: its rows count, or come again. */
  settled(committed: boolean, at: number): void {
    for (const slot of [...this.#live.keys()]) this.#fold(slot)
    if (this.#inBatch.size === 0) return
    if (committed) {
      for (const { rows, bytes } of this.#pending.values()) {
        this.#totals.rowsCommitted += rows
        this.#totals.bytesCommitted += bytes
      }
      this.#lastCommitAt = at
    }
    this.#pending.clear()
    this.#inBatch.clear()
    this.#lastSeenAt = at
  }

  /** Whether nothing was heard of it for so long. */
  isForgotten(now: number, forgetAfterMs: number): boolean {
    return this.#live.size === 0 && this.#inBatch.size === 0 && now - this.#lastSeenAt > forgetAfterMs
  }

  snapshot(now: number): PartitionSnapshot {
    const totals = { ...this.#totals }
    const times = { ...this.#times }
    const moments = { lastReadAt: this.#lastReadAt, lastRowAt: this.#lastRowAt }
    let [inFlightRows, inFlightChunks] = [0, 0]
    let uncommittedRows = [...this.#pending.values()].reduce((sum, { rows }) => sum + rows, 0)
    let lastMovedAt = this.#lastSeenAt
    let activity: PartitionActivity = this.#between
    for (const figures of this.#live.values()) {
      const live = figures()
      add(totals, times, live)
      inFlightRows += live.rowsInFlight
      inFlightChunks += live.chunksInFlight
      uncommittedRows += live.rowsWritten
      moments.lastReadAt = Math.max(moments.lastReadAt, live.lastReadAt)
      moments.lastRowAt = Math.max(moments.lastRowAt, live.lastRowAt)
      lastMovedAt = Math.max(lastMovedAt, live.lastReadAt, live.lastWriteAt)
      activity = live.activity
    }
    if (this.#live.size === 0) times[this.#between] += Math.max(0, now - this.#since)
    return {
      ...totals,
      partition: this.partition,
      state: this.#state(activity),
      activity,
      timesMs: times,
      attempts: this.#attempts,
      retries: this.#retries,
      stalls: this.#stalls,
      watchdogAborts: this.#watchdogAborts,
      failures: { ...this.#failures },
      failuresInRow: this.#failuresInRow,
      failingSince: this.#failingSince,
      inFlightRows,
      inFlightChunks,
      uncommittedRows,
      firstSeenAt: this.#firstSeenAt,
      ...moments,
      lastCommitAt: this.#lastCommitAt,
      lastErrorAt: this.#lastErrorAt,
      lastMovedAt,
      lagRows: this.#lagRows,
    }
  }

  #state(activity: PartitionActivity): PartitionState {
    if (this.#failed) return 'failed'
    if (this.#stalled.size > 0) return 'stalled'
    if (activity === 'quota') return 'throttled'
    if (activity === 'breaker') return 'breaker_open'
    return activity === 'backoff' || activity === 'idle' ? activity : 'running'
  }

  /** An attempt is over, whether it told or not. */
  #fold(slot: number): LiveFigures | undefined {
    const figures = this.#live.get(slot)?.()
    if (figures === undefined) return undefined
    this.#live.delete(slot)
    this.#stalled.delete(slot)
    add(this.#totals, this.#times, figures)
    this.#lastReadAt = Math.max(this.#lastReadAt, figures.lastReadAt)
    this.#lastRowAt = Math.max(this.#lastRowAt, figures.lastRowAt)
    // Exactly where its own account ends, so that no time is lost in between.
    const spent = activities.reduce((sum, activity) => sum + figures.activityMs[activity], 0)
    this.#since = Math.max(this.#since, figures.startedAt + spent)
    this.#between = 'idle'
    return figures
  }

  #pass(at: number): void {
    const ms = at - this.#since
    if (ms > 0) this.#times[this.#between] += ms
    this.#since = Math.max(this.#since, at)
  }
}

function add(totals: PartitionTotals, times: Record<PartitionActivity, number>, figures: LiveFigures): void {
  totals.rowsRead += figures.rowsRead
  totals.rowsDelivered += figures.rowsWritten
  totals.bytesRead += figures.bytesRead
  totals.bytesDelivered += figures.bytesWritten
  totals.chunksRead += figures.chunksRead
  totals.filtered += figures.rowsFiltered
  totals.duplicate += figures.rowsDeduplicated
  totals.late += figures.rowsLate
  totals.deadLetter += figures.rowsDropped
  totals.readMs += figures.readMs
  totals.writeMs += figures.writeMs
  totals.finishMs += figures.finishMs
  for (const activity of activities) times[activity] += figures.activityMs[activity]
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
}
