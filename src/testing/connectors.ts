import type { StreamSink, StreamSource } from '../data-source.ts'
import type { Result } from '../result.ts'
import type { FaultKind } from './schedule.ts'

/**
 * A source and a sink, together with the systems behind them: what outlives a process. Either may be a model:
 * `({ sink }) => ({ source: mine(), ...sink('transactional') })`.
 */
export interface Connectors<Offset extends object, Partition, Row extends object, Message> {
  /** Has all its rows, or gets them while it is looked at; the exploration ends where a look finds nothing new. */
  readonly source: StreamSource<Offset, Partition, Row>
  readonly sink: StreamSink<Row, Message>
  /** The ids of the rows in the sink, in its order. Asked when a schedule is over. */
  readonly ids: () => Result<readonly number[]>
  /**
   * Frees what they hold: folders, tables, servers, and the files and connections that a process which died left open (it isn't stopped, so nobody else closes them).
   * Called when a schedule is over, also when it failed.
   */
  readonly close?: () => Result<unknown>
}

/** Options of `exploreConnectors`. */
export interface ExploreConnectorsOptions {
  /** Rows of the source; their ids count from 0, in its order. @default 10 */
  readonly rows?: number
  /** Rows a batch. @default 4 */
  readonly maxRows?: number
  /** What befalls the effects. @default all six */
  readonly faults?: readonly FaultKind[]
  /** Faults in one schedule, of whatever kind: with 2 every pair of effects is tried. @default 1 */
  readonly crashes?: 1 | 2
  /** Ids that are to reach the sink, of those that the source has. @default all */
  readonly expected?: (id: number) => boolean
  /** Only this schedule, by the id from a report; what stands before the `@` is for people. */
  readonly only?: string
  /** A process that hasn't come to its end after so many milliseconds is `stuck`; `make`, `ids` and `close` have as long as they like. @default 10_000 */
  readonly patienceMs?: number
}
