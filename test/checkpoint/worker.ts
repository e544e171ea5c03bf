import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Checkpoint, CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { isSluiceError } from '../../src/errors.ts'
import { settle } from './settle.ts'

// A process of its own that uses a checkpoint: node worker.ts <file|sqlite> <path> <hold|loop> [at: ms since 1970]
// Each line it prints is one JSON message.

const [kind, path = '', task, at] = process.argv.slice(2)
const checkpoint: Checkpoint =
  kind === 'sqlite' ? sqliteCheckpoint(path, { retain: 5 }) : fileCheckpoint(path, { retain: 5 })
// Synchronously: what a killed process has said must have been said before its next write.
const say = (message: object) => writeSync(1, `${JSON.stringify(message)}\n`)

async function loop(session: CheckpointSession): Promise<void> {
  const { done, pending, initial } = session.recovered
  const write = async (...records: LogRecord[]) => settle(session.write(records))
  if (initial === undefined) await write({ initial: { seq: 0 } })
  let batchId = pending?.batchId ?? (done?.batchId ?? -1) + 1
  let planned = pending !== undefined
  for (; ; batchId++) {
    if (!planned) {
      const plan = {
        queryId: session.queryId,
        batchId,
        start: { seq: batchId },
        end: { seq: batchId + 1 },
        partitions: [{ at: batchId }],
      }
      await write({ journal: batchId, rows: encodeJournal([batchId]) }, { plan })
      say({ planned: batchId })
    }
    planned = false
    // As often in one way as in the other: a process that is killed takes neither along.
    await settle(session.write([{ done: batchId, outcome: 'committed' }], { sync: batchId % 2 === 0 }))
    say({ done: batchId })
    await sleep(0) // lets the parent's lines and signals through
  }
}

try {
  if (at !== undefined) while (Date.now() < Number(at)); // all starters at the same moment
  const session = await settle(checkpoint.open({ sources: ['src'] }))
  say({ opened: session.epoch })
  if (task === 'loop') await loop(session)
  else await sleep(600_000)
} catch (error) {
  say({ failed: isSluiceError(error) ? error.name : String(error) })
}
