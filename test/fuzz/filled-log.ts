import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { settle } from '../checkpoint/settle.ts'

/** Three batches that are done and one that is planned, with a journal; the session is closed. */
export async function fill(session: CheckpointSession): Promise<void> {
  const { queryId } = session
  const plan = (batchId: number) => ({
    plan: {
      queryId,
      batchId,
      start: { at: batchId * 10 },
      end: { at: batchId * 10 + 10 },
      partitions: [{ n: batchId }],
    },
  })
  const records: LogRecord[] = [{ initial: { at: 0 } }]
  for (let id = 0; id < 3; id++) records.push(plan(id), { done: id, outcome: 'committed' })
  records.push({ journal: 3, rows: encodeJournal(['a', 'b']) }, plan(3))
  await settle(session.write(records))
  await settle(session.close())
}
