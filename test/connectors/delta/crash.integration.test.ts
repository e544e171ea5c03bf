import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as duckdb from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
import { missingDeltaRs } from '../../../scripts/delta-rs-env.mjs'
import { DeltaLog } from '../../../src/connectors/delta/log.ts'
import { fromLogPath } from '../../../src/connectors/delta/partition-values.ts'
import { startDeltaRs } from '../../support/delta-rs.ts'
import { filesBelow, temporaryFolder } from './tables.ts'

const program = fileURLToPath(new URL('./crash-child.ts', import.meta.url))

interface Worker {
  readonly table: string
  readonly checkpoint: string
  readonly head: string
  readonly name: string
  readonly maxRows: number
  readonly partitions: number
}

function start(worker: Worker) {
  const child = spawn(process.execPath, [program, JSON.stringify(worker)], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, errors }))
  const batch = once(child.stdout, 'data')
  return { kill: () => child.kill('SIGKILL'), ended, batch }
}

/** What a reader who isn't ours counts: delta-rs where it is, else DuckDB over the files that the log names. */
async function count(table: string): Promise<{ readonly by: string; readonly ids: Map<string, string[]> }> {
  const rows: (readonly [string, string])[] = []
  const missing = missingDeltaRs()
  if (missing === undefined) {
    const deltaRs = startDeltaRs()
    for (const { who, id } of (await deltaRs.read(table, { columns: ['who', 'id'] })).rows)
      rows.push([String(who), String(id)])
    await deltaRs.stop()
  } else {
    const log = new DeltaLog(table)
    const files: string[] = []
    for await (const { action } of log.actionsOf((await log.startAt(undefined)).start))
      if (action.add !== undefined) files.push(`'${join(table, fromLogPath(action.add.path) ?? '')}'`)
    const instance = await duckdb.DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const reader = await connection.runAndReadAll(`select who, id from read_parquet([${files.join(',')}])`)
    for (const [who, id] of reader.getRows()) rows.push([String(who), String(id)])
    connection.closeSync()
    instance.closeSync()
  }
  const ids = new Map<string, string[]>()
  for (const [who, id] of rows) ids.set(who, [...(ids.get(who) ?? []), id])
  return { by: missing === undefined ? 'delta-rs' : `DuckDB (${missing})`, ids }
}

const upTo = (head: number) => Array.from({ length: head }, (_, id) => String(id))
const sorted = (ids: readonly string[] = []) => [...ids].sort((a, b) => Number(a) - Number(b))

test('killed fifty times at random moments, the table has each row once, and nothing lies about', async () => {
  const folder = await temporaryFolder()
  const worker = {
    table: join(folder, 'table'),
    checkpoint: join(folder, 'checkpoint'),
    head: join(folder, 'head'),
    name: 'q',
    maxRows: 8,
    partitions: 3,
  }
  let head = 0
  let midBatch = 0
  let starts = 0
  for (let kills = 0; kills < 50; ) {
    expect(++starts).toBeLessThan(150) // a process may be done before it is killed: that one counts as none
    head += 80
    writeFileSync(worker.head, String(head))
    const child = start(worker)
    if (starts % 10 === 0)
      await sleep(Math.random() * 800) // before and while it starts
    else {
      await Promise.race([child.batch, child.ended])
      await sleep(Math.random() * 120)
    }
    child.kill()
    const { code, signal, errors } = await child.ended
    expect({ failed: signal !== 'SIGKILL' && code !== 0, errors }).toEqual({ failed: false, errors: '' })
    if (signal === 'SIGKILL') kills++
    if (
      existsSync(join(worker.table, '_sluice')) &&
      filesBelow(join(worker.table, '_sluice')).some((name) => name.includes('batches'))
    )
      midBatch++
  }
  expect(midBatch).toBeGreaterThan(5)
  const last = start({ ...worker, maxRows: 4_000 })
  expect(await last.ended).toMatchObject({ code: 0, signal: null })
  const { by, ids } = await count(worker.table)
  console.log(`counted by ${by}; ${midBatch} of 50 kills fell into a batch`)
  expect(sorted(ids.get('q'))).toEqual(upTo(head))

  const named = new Set<string>()
  const log = new DeltaLog(worker.table)
  for await (const { action } of log.actionsOf((await log.startAt(undefined)).start))
    if (action.add !== undefined) named.add(fromLogPath(action.add.path) as string)
  expect(filesBelow(worker.table).filter((name) => !/^_delta_log|^_sluice\/[0-9a-f]+\/epochs/.test(name))).toEqual(
    [...named].sort(),
  )
})

test('two processes with two queries on one table, both killed now and then, lose nothing and repeat nothing', async () => {
  const folder = await temporaryFolder()
  const head = join(folder, 'head')
  const rows = 300
  writeFileSync(head, String(rows))
  const worker = (name: string) => ({
    table: join(folder, 'table'),
    checkpoint: join(folder, name),
    head,
    name,
    maxRows: 5,
    partitions: 2,
  })
  const runs = ['a', 'b'].map(async (name) => {
    for (let kill = 0; kill < 4; kill++) {
      const child = start(worker(name))
      await Promise.race([child.batch, child.ended])
      await sleep(Math.random() * 300)
      child.kill()
      await child.ended
    }
    return start(worker(name)).ended
  })
  for (const ended of await Promise.all(runs)) expect(ended).toMatchObject({ code: 0, signal: null })
  const { ids } = await count(join(folder, 'table'))
  for (const name of ['a', 'b']) expect(sorted(ids.get(name))).toEqual(upTo(rows))
})

test('a disk that takes no more is told with the file’s name, and once it does the query goes on', async () => {
  const folder = await temporaryFolder()
  const worker = {
    ...{ table: join(folder, 'table'), checkpoint: join(folder, 'checkpoint'), head: join(folder, 'head') },
    ...{ name: 'q', maxRows: 20_000, partitions: 1 },
  }
  writeFileSync(worker.head, '20000')
  // A limit of the shell's on the size of files, in KiB, stands for the end of a disk: writing fails at the same place.
  const script = 'ulimit -f 64; exec "$0" "$@"'
  const child = spawn('bash', ['-c', script, process.execPath, program, JSON.stringify(worker)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  expect(code, errors).not.toBe(0)
  expect(errors).toMatch(
    /batches\/0\/rest=0\/part-0000\d-\S+\.parquet: can't write the file: EFBIG: file too large, write/,
  )
  expect(errors).toContain('SLUICE_DELTA_STORAGE')

  expect(await start(worker).ended).toMatchObject({ code: 0, signal: null })
  const { ids } = await count(worker.table)
  expect(sorted(ids.get('q'))).toEqual(upTo(20_000))
  expect(filesBelow(join(worker.table, '_sluice')).filter((name) => name.includes('batches'))).toEqual([])
})
