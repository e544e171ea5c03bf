// Ten rows in five batches of a source that answers at once, into a folder, in a process of its own that dies at one point of batch 2 or 3:
// node held-worker.ts <file | sqlite> <folder> <where it dies>
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { asyncScheduler } from 'rxjs'
import { fileCheckpointOn } from '../../src/checkpoint/file.ts'
import { type FileSystem, nodeFileSystem } from '../../src/checkpoint/file-system.ts'
import { nodeProcesses } from '../../src/checkpoint/process-identity.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { jsonLines } from '../../src/connectors/json-lines/sink.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'

const [kind = '', folder = '', point = ''] = process.argv.slice(2)

/** Nothing runs after it: neither `finally` nor an exit handler. */
function dieAt(here: string): void {
  if (here === point) process.kill(process.pid, 'SIGKILL')
}

const files: FileSystem = {
  ...nodeFileSystem,
  link: async (from, to) => {
    const linked = await nodeFileSystem.link(from, to)
    dieAt(`after ${to.split('/').slice(-2).join('/')}`)
    return linked
  },
}
let commits = 0
const checkpoint =
  kind === 'file'
    ? fileCheckpointOn({ files, processes: nodeProcesses, now: Date.now }, join(folder, 'log'), {})
    : sqliteCheckpoint(join(folder, 'log.sqlite'), {
        database: (file) => {
          const database = new DatabaseSync(file)
          return {
            exec: (sql) => {
              if (sql === 'COMMIT') dieAt(`before commit ${++commits}`)
              database.exec(sql)
              if (sql === 'COMMIT') dieAt(`after commit ${commits}`)
            },
            prepare: (sql) => database.prepare(sql),
            close: () => database.close(),
          }
        },
      })
const source = {
  name: 'numbers',
  schema: schema('n int not null'),
  streamReader: () => ({
    initialOffset: () => ({ at: 0 }),
    latestOffset: ({ at }: { at: number }) => {
      if (at === 6) dieAt('latestOffset')
      return { at: Math.min(10, at + 2) }
    },
    partitions: ({ at }: { at: number }) => {
      if (at === 6) dieAt('partitions')
      return [{ at }]
    },
    *read({ at }: { at: number }) {
      if (at === 6) dieAt('read')
      yield [{ n: at }, { n: at + 1 }]
    },
    compare: (a: { at: number }, b: { at: number }) => a.at - b.at,
    reportLatestOffset: () => ({ at: 10 }),
  }),
}
// Time stands still: a pause that lets the event loop turn would have the entry written before it.
const scheduler = Object.assign(Object.create(asyncScheduler) as typeof asyncScheduler, { now: () => 1.7e12 })
const run = readStream(source)
  .writeStream(jsonLines({ path: join(folder, 'out') }), {
    name: 'held',
    checkpoint,
    trigger: availableNow(),
    scheduler,
    require: 'exactly-once',
  })
  .start()
run.progress$.subscribe(({ batchId, skipped }) => {
  if (skipped) console.log(`skipped ${batchId}`)
  if (batchId === 2) dieAt('progress')
})
await run.terminated
