import type { QueryEventBody } from './events.ts'
import { type AckedReader, journalPort, type ReplayableReader } from './source.ts'

type Settling =
  | Pick<ReplayableReader<never, never, never>, 'kind' | typeof journalPort>
  | Pick<AckedReader<never, never, never>, 'kind' | 'settlements'>

/** Tells what became of a queue's deliveries so far, for metrics: that it can't be had changes nothing. */
export function tellSettlements(reader: Settling, batchId: number, emit: (event: QueryEventBody) => void): void {
  try {
    const counts = reader.kind === 'acked' ? reader.settlements?.() : reader[journalPort]?.settlements?.()
    if (counts !== undefined) emit({ type: 'settlements', batchId, counts: { ...counts } })
  } catch (error) {
    emit({ type: 'warning', message: `the settlements of batch ${batchId} are not known`, error })
  }
}
