import type { SchedulerLike } from 'rxjs'
import type { RowsOperator } from '../operators/transform-rows.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import type { BatchLimit } from './goal.ts'
import type { GuaranteeLevel } from './guarantee.ts'
import type { RetryPolicy } from './retry.ts'
import type { Schema } from './schema.ts'
import type { StreamWriter } from './sink.ts'
import type { StreamReader } from './source.ts'
import type { Trigger } from './trigger.ts'
import type { Watchdog } from './watchdog.ts'

/** Everything a run is made from. Reader and writer are made afresh on every start and restart. */
export interface QuerySpec<Offset extends object, Partition, Row extends object, Out extends object, Message> {
  readonly name: string
  readonly source: {
    readonly name: string
    readonly reader: () => StreamReader<Offset, Partition, Row>
    /** Of a union; else the one name. */
    readonly parts: readonly string[]
  }
  readonly operators: readonly RowsOperator[]
  readonly sink: { readonly id: string; readonly name: string; readonly writer: () => StreamWriter<Out, Message> }
  /** Of the rows that reach the sink. */
  readonly schema: Schema | undefined
  readonly checkpoint: Checkpoint
  readonly trigger: Trigger
  readonly limit: Partial<BatchLimit>
  readonly require: GuaranteeLevel | undefined
  readonly retry: RetryPolicy
  readonly restart: RetryPolicy
  readonly scheduler: SchedulerLike
  readonly concurrency: number
  readonly highWaterMark: number
  readonly highWaterBytes: number
  readonly maxPushed: number
  /** Milliseconds; Infinity: no partition is ever said to have stalled. */
  readonly stallAfterMs: number
  /** `undefined`: no attempt is ever given up. */
  readonly watchdog: ConstructorParameters<typeof Watchdog>[0] | undefined
}
