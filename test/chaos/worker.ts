import { writeSync } from 'node:fs'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { whenAvailable } from '../../src/trigger.ts'
import type { WorkerLine, WorkerPlan } from './pairs.ts'
import { seededSink } from './seeded.ts'
import { withSink } from './sinks.ts'
import { rowsOf } from './sources.ts'

/** A process with the query of a pair. Runs until it is killed, or drains on SIGTERM; prints what a supervisor wants to know. */
const plan = JSON.parse(process.argv[2] ?? '') as WorkerPlan

// Killed with its parent, whatever ends that.
process.stdin.on('end', () => process.exit(1)).resume()

const print = (line: WorkerLine): void => void writeSync(1, `${JSON.stringify(line)}\n`)
const rows = await rowsOf(plan)
const query = await withSink(plan, (sink) =>
  rows.writeStream(seededSink(plan, sink), {
    name: `chaos-${plan.index}`,
    checkpoint:
      plan.checkpoint === 'file' ? fileCheckpoint(`${plan.disk}/log`) : sqliteCheckpoint(`${plan.disk}/log.sqlite`),
    trigger: whenAvailable({ maxWait: 200 }),
    limit: { maxRows: 150 },
    retry: { maxAttempts: 3, initialDelayMs: 20, maxDelayMs: 200 },
    restart: { maxAttempts: Infinity, backoff: { initialDelayMs: 20, maxDelayMs: 500 } },
  }),
)
const run = query.start()
run.events$.subscribe((event) => {
  if (event.type === 'started') print({ guarantee: event.guarantee.level, reason: event.guarantee.reason })
})
run.progress$.subscribe(({ numInputRows }) => print({ rows: numInputRows }))
process.on('SIGTERM', () => run.drain())
run.terminated.then(
  () => process.exit(0),
  (error: unknown) => {
    print({ error: String(error) })
    process.exit(2)
  },
)
