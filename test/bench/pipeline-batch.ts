// What a micro-batch costs beside its rows: an empty one in memory beside the stages called by hand, one after the other; and durable ones beside bare writes of the
// very bytes that the checkpoint writes, made durable in the same way.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { link, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { lastValueFrom } from 'rxjs'
import {
  availableNow,
  type Checkpoint,
  fileCheckpoint,
  memoryCheckpoint,
  noop,
  readStream,
  sqliteCheckpoint,
} from 'sluice'
import { bench } from './harness/bench.ts'
import { chunk, source } from './harness/chunks.ts'

const place = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
let runs = 0

async function byQuery(
  batches: number,
  chunks: number,
  checkpoint: Checkpoint,
  beforeEach: () => void = () => {},
): Promise<void> {
  const bare = source({ chunks, batches })
  const streamReader = () => {
    const reader = bare.streamReader()
    const latestOffset: typeof reader.latestOffset = (start) => {
      beforeEach()
      return reader.latestOffset(start)
    }
    return { ...reader, latestOffset }
  }
  const query = readStream({ ...bare, streamReader }).writeStream(noop(), {
    name: 'bench',
    checkpoint,
    trigger: availableNow(),
  })
  const last = await lastValueFrom(query)
  if (last.batchId !== batches - 1) throw new Error(`ended at batch ${last.batchId}`)
}

/** latestOffset → partitions → read → write → commit, as plain calls; the log is two maps. */
async function stagesByHand(batches: number): Promise<void> {
  const reader = source({ chunks: 0, batches }).streamReader()
  const writer = noop().streamWriter()
  const signal = new AbortController().signal
  const [plans, done] = [new Map<number, object>(), new Set<number>()]
  let start = reader.initialOffset()
  for (let batchId = 0; ; batchId++) {
    const end = reader.latestOffset(start)
    if (end.offset === start.offset) break
    const batch = { queryId: 'q', batchId, start, end }
    const partitions = reader.partitions()
    plans.set(batchId, { ...batch, partitions })
    plans.delete(batchId - 100)
    const messages: (undefined | null)[] = []
    for (const [partitionId, partition] of partitions.entries()) {
      const context = { ...batch, partitionId, attempt: 0, signal, sinkId: 'main', epoch: 1, deterministic: true }
      const part = (await writer.open({ ...context, report: () => {}, idempotencyKey: () => '' })) as {
        write: (rows: readonly object[]) => unknown
        finish: () => undefined
      }
      for await (const rows of reader.read(partition)) await part.write(rows)
      messages.push(await part.finish())
    }
    await writer.commit(messages as never, batch)
    done.add(batchId)
    start = end
  }
  if (done.size !== batches) throw new Error(`made ${done.size} batches`)
}

/** Of the file checkpoint, and of SQLite, where a batch takes a tenth of the time: with fewer the compiler is what is measured. */
const [durable, durableSqlite] = [200, 5_000]

interface LogFile {
  readonly folder: string
  readonly name: string
  readonly bytes: Uint8Array
}

/** The files that a query's checkpoint has of each batch, in the order in which they become durable. */
async function writtenFiles(): Promise<readonly (readonly LogFile[])[]> {
  const model = join(place, 'model')
  await byQuery(durable, 1, fileCheckpoint(model, { retain: durable + 1 }))
  const folders = [join('_sluice', 'plans'), 'offsets', 'commits']
  for (const folder of folders) {
    const count = readdirSync(join(model, folder)).filter((name) => /^\d+$/.test(name)).length
    if (count !== durable) throw new Error(`${folder} has ${count} entries`)
  }
  return Array.from({ length: durable }, (_, batchId) =>
    folders.map((folder) => ({ folder, name: `${batchId}`, bytes: readFileSync(join(model, folder, `${batchId}`)) })),
  )
}

/** Plan and offsets are written side by side, then named in their order; the commit when the batch is done. Each folder is synced after it got a name. */
async function bareFiles(batches: readonly (readonly LogFile[])[]): Promise<void> {
  const root = join(place, `bare-${runs++}`)
  for (const folder of [join('_sluice', 'plans'), 'offsets', 'commits'])
    mkdirSync(join(root, folder), { recursive: true })
  for (const [plan, offsets, commit] of batches as readonly (readonly [LogFile, LogFile, LogFile])[]) {
    await Promise.all([stage(root, plan), stage(root, offsets)])
    for (const file of [plan, offsets]) await publish(root, file)
    await stage(root, commit)
    await publish(root, commit)
  }
}

async function stage(root: string, { folder, name, bytes }: LogFile): Promise<void> {
  const file = await open(join(root, folder, `.${name}.tmp`), 'wx')
  await file.writeFile(bytes)
  await file.sync()
  await file.close()
}

async function publish(root: string, { folder, name }: LogFile): Promise<void> {
  const path = join(root, folder)
  await link(join(path, `.${name}.tmp`), join(path, name))
  const handle = await open(path)
  await handle.sync()
  await handle.close()
  await unlink(join(path, `.${name}.tmp`))
}

/** The plans that a query's checkpoint keeps, as their texts. */
async function writtenPlans(): Promise<readonly string[]> {
  const file = join(place, `model-${runs++}.sqlite`)
  await byQuery(durableSqlite, 1, sqliteCheckpoint(file, { retain: durableSqlite + 1 }))
  const database = new DatabaseSync(file)
  const plans = database.prepare('SELECT plan FROM batches ORDER BY batch_id').all() as { plan: string }[]
  database.close()
  if (plans.length !== durableSqlite) throw new Error(`${plans.length} plans`)
  return plans.map(({ plan }) => plan)
}

/** One transaction a batch with the plan and the outcome of the batch before, as durable: WAL, synchronous FULL. */
function bareLog() {
  const database = new DatabaseSync(join(place, `bare-${runs++}.sqlite`))
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE batches (batch_id INTEGER PRIMARY KEY, plan TEXT NOT NULL, outcome TEXT)')
  const insert = database.prepare('INSERT INTO batches VALUES (?, ?, NULL)')
  const update = database.prepare('UPDATE batches SET outcome = ? WHERE batch_id = ?')
  let batchId = 0
  return {
    write: (plan: string): void => {
      database.exec('BEGIN IMMEDIATE')
      if (batchId > 0) update.run('committed', batchId - 1)
      insert.run(batchId++, plan)
      database.exec('COMMIT')
    },
    close: (): void => {
      update.run('committed', batchId - 1)
      database.close()
    },
  }
}

async function bareSqlite(plans: readonly string[]): Promise<void> {
  const log = bareLog()
  for (const plan of plans) {
    log.write(plan)
    await undefined
  }
  log.close()
}

/** The same bare writes, with a batch in memory after each: what is left is the checkpoint, and not that a processor that has waited for a disk begins cold. */
async function bareSqliteBetweenBatches(plans: readonly string[]): Promise<void> {
  const log = bareLog()
  let at = 0
  await byQuery(plans.length, 1, memoryCheckpoint(), () => {
    const plan = plans[at++]
    if (plan !== undefined) log.write(plan)
  })
  if (at < plans.length) throw new Error(`wrote ${at} plans`)
  log.close()
}

/** Enough that the compiler is done with them in the round that warms up. */
const empty = 20_000
let files: readonly (readonly LogFile[])[] = []
let plans: readonly string[] = []
const sqliteSetUp = async (): Promise<void> => {
  plans = await writtenPlans()
  // What runs once a batch is compiled after some tens of thousands of them, and these are few.
  await byQuery(2 * empty, 1, memoryCheckpoint())
}
const bytes = (texts: readonly { readonly length: number }[]): number =>
  texts.reduce((sum, { length }) => sum + length, 0)

try {
  const rows = durable * chunk.length
  const bySqlite = (): Promise<void> =>
    byQuery(durableSqlite, 1, sqliteCheckpoint(join(place, `log-${runs++}.sqlite`), { retain: durableSqlite + 1 }))
  await bench([
    {
      name: 'empty micro-batch in memory',
      against: 'its stages called by hand',
      size: { rows: 0, batchRows: 0 },
      clock: 'processor',
      run: () => byQuery(empty, 0, memoryCheckpoint()),
      rival: () => stagesByHand(empty),
      judged: [{ as: 'µs', each: empty, atMost: 40 }, { as: 'of its time' }],
    },
    {
      name: 'durable micro-batch, file checkpoint',
      against: 'bare writes of the same bytes, as durable',
      setUp: async () => {
        files = await writtenFiles()
      },
      get size() {
        return { rows, bytes: bytes(files.flat().map((file) => file.bytes)), batchRows: chunk.length }
      },
      run: () => byQuery(durable, 1, fileCheckpoint(join(place, `files-${runs++}`), { retain: durable + 1 })),
      rival: () => bareFiles(files),
      judged: [
        { as: 'of its time', atMost: 1.2 },
        { as: 'ms', each: durable },
      ],
    },
    {
      name: 'durable micro-batch, SQLite checkpoint',
      against: 'bare writes of the same bytes, as durable',
      setUp: sqliteSetUp,
      get size() {
        return { rows: durableSqlite * chunk.length, bytes: bytes(plans), batchRows: chunk.length }
      },
      run: bySqlite,
      rival: () => bareSqlite(plans),
      judged: [
        { as: 'of its time', atMost: 1.3 },
        { as: 'ms', each: durableSqlite },
      ],
    },
    {
      name: 'durable micro-batch, SQLite checkpoint, beside the same batches',
      against: 'batches in memory with these bare writes between them',
      setUp: sqliteSetUp,
      get size() {
        return { rows: durableSqlite * chunk.length, bytes: bytes(plans), batchRows: chunk.length }
      },
      run: bySqlite,
      rival: () => bareSqliteBetweenBatches(plans),
      judged: [{ as: 'of its time' }],
    },
  ])
} finally {
  rmSync(place, { recursive: true, force: true })
}
