import { describeError } from '../errors.ts'
import type { Phase, QueryEvent, SourceLag } from '../events.ts'
import { labelText } from '../label-text.ts'
import type { QueryProgress } from '../progress.ts'
import { failureKind } from './failure-kind.ts'
import { PartitionWatch } from './partition-watch.ts'
import { ProblemLog, shortText } from './problem-log.ts'
import { healthOf } from './query-health.ts'
import type { QueryCounts, QuerySnapshot } from './query-snapshot.ts'
import { SettlementTotals } from './settlement-totals.ts'
import { otherPartitions } from './vocabulary.ts'

/** How much is kept of a query, and for how long. */
export interface WatchLimits {
  readonly maxPartitions: number
  readonly forgetAfterMs: number
  readonly staleAfterMs: number
}

/** Tells of one value of a histogram. */
export type Observe = (
  name: 'sluice_query_batch_duration_seconds' | 'sluice_query_batch_rows',
  labels: Readonly<Record<string, string>>,
  value: number,
) => void

type OfType<Type extends QueryEvent['type']> = Extract<QueryEvent, { readonly type: Type }>

/** All that is known of the queries of one name: what a run that follows another one counts goes on from there. */
export class QueryWatch {
  readonly name: string
  readonly #limits: WatchLimits
  readonly #observe: Observe
  readonly #partitions = new Map<string, PartitionWatch>()
  readonly #slots = new Map<number, PartitionWatch>()
  readonly #lags = new Map<string, { readonly rows: number; readonly at: number }>()
  readonly #problems = new ProblemLog()
  readonly #counts: QueryCounts = {
    committed: 0,
    abandoned: 0,
    replayed: 0,
    skipped: 0,
    overruns: 0,
    starts: 0,
    restarts: 0,
    portRetries: 0,
    warnings: 0,
    planEntries: 0,
    planMs: 0,
    doneEntries: 0,
    doneMs: 0,
    checkpointBytes: 0,
    journalDeduplicated: 0,
  }
  #started: OfType<'started'> | undefined
  readonly #settlements = new SettlementTotals()
  #sessionBytes = 0
  #observed = false
  #up = false
  #retriesInRow = 0
  #retryingSince = 0
  #failed = false
  #restarting = false
  #busy = false
  #status = 'Initializing sources'
  #startedAt = 0
  #triggeredAt = 0
  #lastActivityAt = 0
  #lastBatchAt = 0
  #lastBatchId = -1
  #lastProgress: QueryProgress | undefined

  constructor(name: string, limits: WatchLimits, observe: Observe) {
    this.name = name
    this.#limits = limits
    this.#observe = observe
  }

  /** Whether a run is being observed. */
  get isObserved(): boolean {
    return this.#observed
  }

  /** A run begins, and with it the checkpoint is opened. */
  begins(at: number): void {
    this.#observed = true
    this.#up = true
    this.#failed = false
    this.#restarting = false
    this.#busy = true
    this.#status = 'Initializing sources'
    this.#startedAt = this.#triggeredAt = this.#lastActivityAt = at
    this.#retriesInRow = 0
    this.#counts.starts++
    this.#sessionBytes = 0
  }

  /** Nothing more will be heard of the run, whether it told that it ended or not. */
  isLeft(at: number): void {
    this.#observed = false
    if (this.#up) this.#ended('Not observed any more', at)
  }

  progress(progress: QueryProgress, at: number): void {
    this.#lastProgress = progress
    this.#lastBatchAt = at
    this.#busy = false
    this.#status = 'Waiting for next trigger'
    const { skipped, numInputRows, durationMs } = progress
    if (skipped) this.#counts.skipped++
    this.#observe('sluice_query_batch_rows', { query: this.name }, numInputRows)
    for (const [phase, ms] of Object.entries(durationMs))
      this.#observe('sluice_query_batch_duration_seconds', { query: this.name, phase }, ms / 1_000)
    this.#between('idle', at)
  }

  event(event: QueryEvent): void {
    const { at } = event
    this.#lastActivityAt = at
    switch (event.type) {
      case 'started':
        this.#started = event
        break
      case 'triggered':
        this.#retriesInRow = 0
        this.#busy = true
        this.#restarting = false
        this.#triggeredAt = at
        this.#status = 'Getting offsets'
        this.#between('idle', at)
        break
      case 'overrun':
        this.#counts.overruns++
        break
      case 'planned':
        this.#leave(at)
        this.#busy = true
        this.#restarting = false
        this.#status = 'Processing new data'
        if (event.replay) this.#counts.replayed++
        break
      case 'captured':
        this.#counts.journalDeduplicated += event.deduplicated
        break
      case 'partition-started': {
        const watch = this.#watchOf(event.partition, at)
        this.#slots.set(event.partitionId, watch)
        watch.started(event.partitionId, event.attempt, event.figures)
        break
      }
      case 'partition-progress':
        this.#slots.get(event.partitionId)?.progressed(event.partitionId)
        break
      case 'partition-finished':
        this.#slots.get(event.partitionId)?.finished(event.partitionId, at)
        break
      case 'partition-failed':
        this.#slots.get(event.partitionId)?.failed(event.partitionId, failureKind(event.error), at)
        this.#problems.add('partition', describeError(event.error), event)
        break
      case 'retry':
        this.#retries(event)
        break
      case 'lag':
        this.#lag(event.sources, at)
        break
      case 'stall':
        this.#slots.get(event.partitionId)?.stalls(event.partitionId)
        this.#problems.add('stall', `nothing came for ${Math.round(event.idleMs / 100) / 10} s`, event)
        break
      case 'watchdog':
        this.#slots.get(event.partitionId)?.aborted()
        this.#problems.add('watchdog', `given up: nothing moved for ${Math.round(event.idleMs / 100) / 10} s`, event)
        break
      case 'phase':
        this.#retriesInRow = 0
        this.#phase(event.phase, event.durationMs, at)
        break
      case 'done':
        this.#done(event)
        break
      case 'settlements':
        this.#settlements.tell(event.counts)
        break
      case 'idle':
        this.#busy = false
        this.#status = 'Waiting for data to arrive'
        this.#between('idle', at)
        break
      case 'warning': {
        this.#counts.warnings++
        const { message, error } = event
        this.#problems.add('warning', error === undefined ? message : `${message}: ${describeError(error)}`, event)
        break
      }
      case 'restarting':
        this.#counts.restarts++
        this.#counts.starts++
        this.#restarting = true
        this.#status = 'Restarting'
        this.#leave(at)
        this.#between('backoff', at)
        this.#problems.add('restart', describeError(event.error), event)
        break
      case 'failed':
        this.#failed = true
        this.#ended(`Terminated with exception: ${shortText(describeError(event.error))}`, at)
        this.#problems.add('failed', describeError(event.error), event)
        break
      case 'stopped':
        this.#ended('Stopped', at)
        break
    }
  }

  snapshot(now: number): QuerySnapshot {
    this.#forget(now)
    const { queryId, runId, sources = [], sink, guarantee, intervalMs = 0 } = this.#started ?? {}
    const partitions = [...this.#partitions.values()].map((watch) => watch.snapshot(now))
    const others = [...this.#slots.values()].filter(({ partition }) => partition === otherPartitions).length
    return {
      name: this.name,
      queryId,
      runId,
      sources,
      sink,
      guarantee,
      up: this.#up,
      failed: this.#failed,
      status: this.#status,
      health: healthOf({
        now,
        failed: this.#failed,
        up: this.#up,
        restarting: this.#restarting,
        busy: this.#busy,
        intervalMs,
        triggeredAt: this.#triggeredAt,
        lastActivityAt: this.#lastActivityAt,
        retriesInRow: this.#retriesInRow,
        retryingSince: this.#retryingSince,
        partitions,
        staleAfterMs: this.#limits.staleAfterMs,
      }),
      intervalMs,
      startedAt: this.#startedAt,
      lastActivityAt: Math.max(this.#lastActivityAt, ...partitions.map(({ lastMovedAt }) => lastMovedAt)),
      lastBatchAt: this.#lastBatchAt,
      lastBatchId: this.#lastBatchId,
      counts: { ...this.#counts },
      settlements: this.#settlements.counts,
      lags: [...this.#lags].map(([source, lag]) => ({ source, ...lag })),
      partitions,
      otherPartitions: others,
      lastProgress: this.#lastProgress,
      problems: this.#problems.latest,
    }
  }

  #retries({ port, partitionId, at, error, ...event }: OfType<'retry'>): void {
    if (port !== 'partition' || partitionId === undefined) {
      this.#counts.portRetries++
      if (this.#retriesInRow++ === 0) this.#retryingSince = at
      this.#problems.add('retry', `${port}: ${describeError(error)}`, { at, ...event })
    } else this.#slots.get(partitionId)?.backsOff(at)
  }

  #lag(sources: readonly SourceLag[], at: number): void {
    let rest: number | undefined
    for (const { source, rows, partitions } of sources) {
      this.#lags.set(labelText(source), { rows, at })
      for (const [label, behind] of Object.entries(partitions ?? {})) {
        const own = this.#partitions.get(label)
        if (own === undefined) rest = (rest ?? 0) + behind
        else own.lags(behind)
      }
    }
    // Of those without series of their own the sum.
    if (rest !== undefined) this.#partitions.get(otherPartitions)?.lags(rest)
  }

  #phase(phase: Phase, durationMs: number, at: number): void {
    if (phase === 'addBatch') this.#between('commit', at)
    else if (phase === 'walCommit') {
      this.#counts.planEntries++
      this.#counts.planMs += durationMs
    } else if (phase === 'commitOffsets') {
      this.#counts.doneEntries++
      this.#counts.doneMs += durationMs
    }
  }

  #done({ batchId, outcome, checkpointBytes = 0, at }: OfType<'done'>): void {
    this.#lastBatchId = batchId
    this.#counts[outcome]++
    this.#counts.checkpointBytes += Math.max(0, checkpointBytes - this.#sessionBytes)
    this.#sessionBytes = checkpointBytes
    for (const watch of this.#partitions.values()) watch.settled(outcome === 'committed', at)
    this.#slots.clear()
  }

  /** What was under way has been left, and doesn't tell that it ended. */
  #leave(at: number): void {
    for (const watch of this.#partitions.values()) watch.settled(false, at)
    this.#slots.clear()
  }

  #between(what: 'idle' | 'backoff' | 'commit', at: number): void {
    for (const watch of this.#partitions.values()) watch.turn(what, at)
  }

  #ended(status: string, at: number): void {
    this.#up = false
    this.#busy = false
    this.#restarting = false
    this.#status = status
    this.#leave(at)
    this.#between('idle', at)
  }

  #watchOf(label: string, at: number): PartitionWatch {
    const own = this.#partitions.get(label)
    if (own !== undefined) return own
    this.#forget(at)
    const others = this.#partitions.has(otherPartitions) ? 1 : 0
    const name = this.#partitions.size - others < this.#limits.maxPartitions ? label : otherPartitions
    const watch = this.#partitions.get(name) ?? new PartitionWatch(name, at)
    this.#partitions.set(name, watch)
    return watch
  }

  #forget(now: number): void {
    for (const [label, watch] of this.#partitions)
      if (watch.isForgotten(now, this.#limits.forgetAfterMs)) this.#partitions.delete(label)
  }
}
