import { concat, from, map } from 'rxjs'
import type { Checkpoint, LogRecord } from '../checkpoint/checkpoint.ts'
import { fromCommand, fromResult } from '../result.ts'
import type { Process } from './crash-world.ts'

/** The checkpoint as one process sees it: every record is an effect of its own, because a prefix of a write may survive a crash. */
export function modelCheckpoint(store: Checkpoint, process: Process): Checkpoint {
  return {
    durable: true,
    open: (query) =>
      fromResult('open', () => store.open(query)).pipe(
        map((session) => {
          process.onDeath(() => fromCommand(() => session.close()).subscribe()) // the system takes a dead process's lock away
          return {
            queryId: session.queryId,
            epoch: session.epoch,
            recovered: session.recovered,
            write: (records: readonly LogRecord[]) =>
              concat(
                ...records.map((record) => process.effect(`log ${describe(record)}`, () => session.write([record]))),
              ),
            readJournal: (batchId: number) => from(session.readJournal?.(batchId) ?? []),
            close: () => process.ask(() => session.close()),
          }
        }),
      ),
  }
}

function describe(record: LogRecord): string {
  if ('initial' in record) return `initial ${JSON.stringify(record.initial)}`
  if ('journal' in record) return `journal of batch ${record.journal}`
  if ('done' in record) return `done ${record.done} ${record.outcome}`
  const { batchId, start, end } = record.plan
  return `plan ${batchId} [${JSON.stringify(start)}, ${JSON.stringify(end)})`
}
