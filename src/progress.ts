import type { PlannedBatch } from './batch.ts'
import type { PartitionFigures, Phase, QueryEvent, SourceLag } from './events.ts'
import type { Guarantee } from './guarantee.ts'
import { isoText } from './instant.ts'

/** What one batch did: Spark's StreamingQueryProgress where its fields make sense here, and the partitions. */
export interface QueryProgress {
  /** The query's id: stable over restarts. */
  readonly id: string
  /** New for each run. */
  readonly runId: string
  readonly name: string
  /** When the trigger fired: ISO 8601, UTC, milliseconds. */
  readonly timestamp: string
  readonly batchId: number
  /** The batch was planned by an earlier run. */
  readonly replay: boolean
  /** The sink held the batch already; nothing was read. */
  readonly skipped: boolean
  /** Milliseconds from the trigger to the end. */
  readonly batchDuration: number
  readonly numInputRows: number
  /** Rows a second since the previous trigger; 0 in the first batch. */
  readonly inputRowsPerSecond: number
  /** Rows a second of the batch's duration. */
  readonly processedRowsPerSecond: number
  /** Milliseconds by phase; `triggerExecution` is all of them and what lies between. */
  readonly durationMs: Readonly<Partial<Record<Phase, number>>> & { readonly triggerExecution: number }
  readonly sources: readonly SourceProgress[]
  readonly sink: { readonly description: string; readonly numOutputRows: number }
  readonly partitions: readonly PartitionProgress[]
  readonly guarantee: Guarantee
}

/** What one source did in a batch, and how far it got. */
export interface SourceProgress {
  readonly description: string
  readonly startOffset: object
  readonly endOffset: object
  /** The head of the source, asked while the batch ran. Missing for a source without `reportLatestOffset` and `distance` (in a union: unless all have both), and when it hadn't answered by then. */
  readonly latestOffset?: object
  /** Rows from `endOffset` to `latestOffset`, 0 at least. Missing with it. */
  readonly lag?: number
  readonly numInputRows: number
  readonly inputRowsPerSecond: number
  readonly processedRowsPerSecond: number
  /** What its partitions took, added up: they run side by side. Milliseconds. */
  readonly durationMs: number
}

/** What one partition of a batch did. */
export interface PartitionProgress extends PartitionFigures {
  readonly partitionId: number
  /** The source's stable label, else the slot number. */
  readonly partition: string
  readonly attempts: number
}

/** The constants of a run. */
export interface ProgressHeader {
  readonly id: string
  readonly runId: string
  readonly name: string
  /** Several in a union. */
  readonly sources: readonly string[]
  readonly sink: string
  readonly guarantee: Guarantee
}

/** Gathers a batch's progress from the run's events. */
export class ProgressBuilder {
  readonly #header: ProgressHeader
  #triggeredAt = 0
  #previousTrigger: number | undefined
  #durations: Partial<Record<Phase | 'triggerExecution', number>> = {}
  #partitions: PartitionProgress[] = []
  #skipped = false
  #told = { ms: 0, text: isoText(0) }
  #lag: { readonly batchId: number; readonly sources: readonly SourceLag[] } | undefined

  constructor(header: ProgressHeader) {
    this.#header = header
  }

  observe(event: QueryEvent): void {
    switch (event.type) {
      case 'triggered':
        this.#triggeredAt = event.at
        this.#durations = {}
        this.#partitions = []
        this.#skipped = false
        break
      case 'phase':
        this.#durations[event.phase] = (this.#durations[event.phase] ?? 0) + event.durationMs
        break
      case 'lag':
        this.#lag = event
        break
      case 'skipped':
        this.#skipped = true
        break
      case 'retry':
        if (event.port === 'batch') this.#partitions = [] // all of them come again
        break
      case 'partition-finished':
        this.#partitions.push(partitionProgress(event))
        break
    }
  }

  /** @param now milliseconds. */
  finish(batch: PlannedBatch & { readonly replay: boolean }, now: number): QueryProgress {
    const { id, runId, name, sources, sink, guarantee } = this.#header
    const partitions = this.#partitions
    const batchDuration = now - this.#triggeredAt
    const sinceMs = this.#previousTrigger === undefined ? Infinity : this.#triggeredAt - this.#previousTrigger
    const numInputRows = sum(partitions, rowsRead)
    this.#previousTrigger = this.#triggeredAt
    const durations = this.#durations
    durations.triggerExecution = batchDuration
    this.#durations = {} // what is told stays as it was told
    return {
      id,
      runId,
      name,
      timestamp: this.#isoText(this.#triggeredAt),
      batchId: batch.batchId,
      replay: batch.replay,
      skipped: this.#skipped,
      batchDuration,
      numInputRows,
      inputRowsPerSecond: perSecond(numInputRows, sinceMs),
      processedRowsPerSecond: perSecond(numInputRows, batchDuration),
      durationMs: durations as QueryProgress['durationMs'],
      sources: sources.map((description) => {
        const own = sources.length === 1 ? partitions : this.#partitionsOf(batch, description)
        const ownRows = sum(own, rowsRead)
        return {
          description,
          startOffset: sourceOffset(batch.start, description, sources),
          endOffset: sourceOffset(batch.end, description, sources),
          ...this.#lagOf(batch, description),
          numInputRows: ownRows,
          inputRowsPerSecond: perSecond(ownRows, sinceMs),
          processedRowsPerSecond: perSecond(ownRows, batchDuration),
          durationMs: sum(own, ({ durationMs }) => durationMs),
        }
      }),
      sink: { description: sink, numOutputRows: sum(partitions, ({ rowsWritten }) => rowsWritten) },
      partitions: partitions.toSorted((a, b) => a.partitionId - b.partitionId),
      guarantee,
    }
  }

  // Several batches may fall into one millisecond, and a date's text takes as long as some ports.
  #isoText(ms: number): string {
    if (this.#told.ms !== ms) this.#told = { ms, text: isoText(ms) }
    return this.#told.text
  }

  // Told of a batch that ended before, it says nothing of this one.
  #lagOf({ batchId }: PlannedBatch, source: string): Pick<SourceProgress, 'latestOffset' | 'lag'> {
    const lag = this.#lag?.batchId === batchId ? this.#lag.sources.find((each) => each.source === source) : undefined
    if (lag === undefined) return {}
    const { latestOffset, rows } = lag
    return { latestOffset, lag: rows }
  }

  // The partitions of a union are { source, partition }.
  #partitionsOf(batch: PlannedBatch, source: string): readonly PartitionProgress[] {
    return this.#partitions.filter(({ partitionId }) => {
      const partition = batch.partitions[partitionId] as { readonly source: string } | undefined
      return partition?.source === source
    })
  }
}

function partitionProgress(event: Extract<QueryEvent, { readonly type: 'partition-finished' }>): PartitionProgress {
  return {
    partitionId: event.partitionId,
    partition: event.partition,
    attempts: event.attempt + 1,
    chunksRead: event.chunksRead,
    rowsRead: event.rowsRead,
    bytesRead: event.bytesRead,
    rowsWritten: event.rowsWritten,
    bytesWritten: event.bytesWritten,
    rowsDropped: event.rowsDropped,
    rowsFiltered: event.rowsFiltered,
    rowsDeduplicated: event.rowsDeduplicated,
    rowsLate: event.rowsLate,
    durationMs: event.durationMs,
  }
}

const rowsRead = (partition: PartitionProgress): number => partition.rowsRead

function sum(partitions: readonly PartitionProgress[], figure: (partition: PartitionProgress) => number): number {
  return partitions.reduce((total, partition) => total + figure(partition), 0)
}

/** One source's part of an offset: of a union's the one under its name. */
export function sourceOffset(offset: object, source: string, sources: readonly string[]): object {
  return sources.length === 1 ? offset : ((offset as Readonly<Record<string, object>>)[source] ?? {})
}

function perSecond(rows: number, ms: number): number {
  return Math.round((rows / Math.max(1, ms)) * 10_000) / 10
}
