import { appendFileSync, writeSync } from 'node:fs'
import { type MessageRow, rabbitmqQueue } from '../../../src/connectors/rabbitmq/index.ts'
import {
  journaled,
  jsonLines,
  readStream,
  type StreamWriter,
  sqliteCheckpoint,
  whenAvailable,
} from '../../../src/index.ts'

/** A process that consumes a queue until it is killed, or drains on SIGTERM. `append`: at least once, into a file. `journal`: once, into a folder. */
const [mode = '', url = '', queue = '', folder = '', prefetch = '100'] = process.argv.slice(2)

const source = rabbitmqQueue({
  url,
  queue,
  prefetch: Number(prefetch),
  heartbeat: '2 seconds',
  connectTimeout: '2 seconds',
  openTimeout: '60 seconds',
  progressTimeout: '1 second',
  reconnect: { initialDelayMs: 50, maxDelayMs: 500 },
  onWarning: () => undefined,
})

const append = (): StreamWriter<MessageRow, readonly string[]> => ({
  guarantee: 'append',
  open: () => {
    const bodies: string[] = []
    return { write: (rows) => void bodies.push(...rows.map(({ body }) => body)), finish: () => bodies }
  },
  // One write of the system, which a kill can't cut in two.
  commit: (messages) =>
    appendFileSync(
      `${folder}/rows`,
      messages
        .flat()
        .map((body) => `${body}\n`)
        .join(''),
    ),
})

const options = {
  name: 'sequence',
  checkpoint: sqliteCheckpoint(`${folder}/checkpoint.sqlite`),
  trigger: whenAvailable({ maxWait: '500 ms' }),
  restart: { maxAttempts: 1_000_000, backoff: { initialDelayMs: 10, maxDelayMs: 200 } },
}
const query =
  mode === 'append'
    ? readStream(source).writeStream(append, options)
    : readStream(journaled(source, { identity: (m) => m.messageId })).writeStream(
        jsonLines({ path: `${folder}/data` }),
        { ...options, require: 'exactly-once' },
      )

const run = query.start()
process.on('SIGTERM', () => run.drain())
// Killed with its parent, whatever ends that.
process.stdin.on('end', () => process.exit(1)).resume()
run.terminated.then(
  () => process.exit(0),
  (error: unknown) => {
    writeSync(2, `${String(error)}\n`)
    process.exit(2)
  },
)
