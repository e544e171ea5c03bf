import type { PlannedBatch } from './batch.ts'
import type { PartitionFigures, Phase, QueryEvent, SourceLag } from './events.ts'
import type { Guarantee } from './guarantee.ts'

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
  #durations: Partial<Record<Phase, number>> = {}
  #partitions: PartitionProgress[] = []
  #skipped = false
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
      case 'partition-finished': {
        const { type: _type, at: _at, batchId: _batch, attempt, ...figures } = event
        this.#partitions.push({ ...figures, attempts: attempt + 1 })
        break
      }
    }
  }

  /** @param now milliseconds. */
  finish(batch: PlannedBatch & { readonly replay: boolean }, now: number): QueryProgress {
    const { sources, sink, guarantee, ...ids } = this.#header
    const batchDuration = now - this.#triggeredAt
    const sinceMs = this.#previousTrigger === undefined ? Infinity : this.#triggeredAt - this.#previousTrigger
    const rates = (partitions: readonly PartitionProgress[]): InputRates => {
      const numInputRows = sum(partitions, ({ rowsRead }) => rowsRead)
      return {
        numInputRows,
        inputRowsPerSecond: perSecond(numInputRows, sinceMs),
        processedRowsPerSecond: perSecond(numInputRows, batchDuration),
      }
    }
    this.#previousTrigger = this.#triggeredAt
    return {
      ...ids,
      timestamp: new Date(this.#triggeredAt).toISOString(),
      batchId: batch.batchId,
      replay: batch.replay,
      skipped: this.#skipped,
      batchDuration,
      ...rates(this.#partitions),
      durationMs: { ...this.#durations, triggerExecution: batchDuration },
      sources: sources.map((description) => {
        const partitions = sources.length === 1 ? this.#partitions : this.#partitionsOf(batch, description)
        return {
          description,
          startOffset: sourceOffset(batch.start, description, sources),
          endOffset: sourceOffset(batch.end, description, sources),
          ...this.#lagOf(batch, description),
          ...rates(partitions),
          durationMs: sum(partitions, ({ durationMs }) => durationMs),
        }
      }),
      sink: { description: sink, numOutputRows: sum(this.#partitions, ({ rowsWritten }) => rowsWritten) },
      partitions: this.#partitions.toSorted((a, b) => a.partitionId - b.partitionId),
      guarantee,
    }
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

type InputRates = Pick<SourceProgress, 'numInputRows' | 'inputRowsPerSecond' | 'processedRowsPerSecond'>

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
