import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deltaJars, deltaSparkPython, missingDeltaSpark } from '../../scripts/delta-spark-env.mjs'
import { DeltaLog } from '../../src/connectors/delta/log.ts'
import { schema, toSparkJson } from '../../src/schema.ts'
import { readTable, startWriter } from '../connectors/delta/tables.ts'
import { batchOf, writeBatch } from '../connectors/drive.ts'

interface Answer {
  readonly rows: readonly Record<string, unknown>[]
  readonly schema: unknown
  readonly files: number
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-delta-spark-'))
let ask: (op: 'append' | 'read' | 'sql', path: string, options?: object) => Promise<Answer>
let stop = async () => {}

beforeAll(async () => {
  const missing = missingDeltaSpark()
  if (missing !== undefined) throw new Error(missing)
  const program = fileURLToPath(new URL('./spark_delta.py', import.meta.url))
  const child = spawn(deltaSparkPython, [program, folder, deltaJars], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-5_000)
  })
  child.stdin.on('error', () => {}) // it is gone, and the lines' end tells
  const ended = once(child, 'close')
  stop = async () => {
    child.stdin.end()
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), 30_000)
    await ended
    clearTimeout(timer)
  }
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`Spark ended:\n${log}`)
    const { error, ...rest } = JSON.parse(value)
    if (error !== undefined) throw new Error(`Spark: ${error}`)
    return rest
  }
  console.log(`Spark ${(await answer()).ready} with Delta`)
  ask = (op, path, options = {}) => {
    child.stdin.write(`${JSON.stringify({ op, path, ...options })}\n`)
    return answer()
  }
}, 170_000)

afterAll(async () => {
  await stop()
  rmSync(folder, { recursive: true, force: true })
})

let tables = 0
const newTable = () => join(folder, `table-${tables++}`)
const idName = 'id int not null, name string'
const ids = ({ rows }: Answer) => rows.map(({ id }) => id)

describe('Spark and a table of ours', () => {
  it('reads types, txn’d batches, an earlier version, and one partition alone', async () => {
    const path = newTable()
    const columns = schema(
      'id int not null, p string, big bigint, dec decimal(38,4), at timestamp, day date, tags array<string>, props map<string, bigint>, deep struct<x: int, at: timestamp>',
    )
    const writer = await startWriter(path, { schema: columns, options: { partitionBy: ['p'] } })
    const at = new Date('1960-02-29T00:00:00.001Z')
    const full = {
      ...{ p: 'a/b%c é', big: 2n ** 63n - 1n, dec: '-0.0001', at, day: at, tags: ['x', null] },
      ...{ props: { k: 1n }, deep: { x: 1, at } },
    }
    for (let id = 0; id < 11; id++)
      await writeBatch(writer, batchOf(id), [[[id % 2 === 0 ? { id, ...full } : { id, p: null }]]])
    const read = await ask('read', path)
    expect(read.schema).toEqual(JSON.parse(toSparkJson(columns)))
    expect(read.rows).toHaveLength(11)
    expect(read.rows[0]).toMatchObject({
      ...{ id: 0, p: 'a/b%c é', big: 2 ** 63, dec: '-0.0001', at: '1960-02-29 00:00:00.001000' },
      ...{ day: '1960-02-29', tags: ['x', null], props: { k: 1 }, deep: { x: 1, at: '1960-02-29 00:00:00.001000' } },
    })
    expect(read.rows[1]).toMatchObject({ id: 1, p: null, big: null, tags: null, deep: null })
    expect(ids(await ask('read', path, { options: { versionAsOf: 3 } }))).toEqual([0, 1, 2])
    const part = await ask('read', path, { where: "p = 'a/b%c é'" })
    expect([ids(part), part.files]).toEqual([[0, 2, 4, 6, 8, 10], 6])
    expect(ids(await ask('read', path, { where: 'big = 9223372036854775807 and id > 8' }))).toEqual([10])
  })

  it('appends, and does nothing for what our query has committed', async () => {
    const path = newTable()
    const writer = await startWriter(path)
    for (const id of [0, 1, 2]) await writeBatch(writer, batchOf(id), [[[{ id, name: 'ours' }]]])
    const append = (rows: readonly unknown[], txnVersion: number) =>
      ask('append', path, {
        rows,
        schema: 'id int, name string',
        options: { txnAppId: 'q', txnVersion: String(txnVersion) },
      })
    await append([[90, 'a replay']], 2)
    expect(ids(await ask('read', path))).toEqual([0, 1, 2])
    await append([[3, 'Spark']], 3)
    expect(await writeBatch(writer, batchOf(3), [[[{ id: 91, name: 'a replay' }]]])).toBe('committed')
    expect(await writeBatch(writer, batchOf(4), [[[{ id: 4, name: 'ours' }]]])).toBe('written')
    expect(ids(await ask('read', path))).toEqual([0, 1, 2, 3, 4])
    expect((await new DeltaLog(path).update())?.txns.get('q')?.version).toBe(4)
    const { rows } = await ask('sql', path, { sql: `describe history delta.\`${path}\`` })
    expect(rows.map(({ operation }) => operation)).toEqual([
      'STREAMING UPDATE',
      'WRITE',
      'STREAMING UPDATE',
      'STREAMING UPDATE',
      'STREAMING UPDATE',
      'CREATE TABLE',
    ])
  })
})

describe('sluice and a table of Spark’s', () => {
  it('appends to it and reads it, from its checkpoints, too', async () => {
    const path = newTable()
    const options = {
      rows: [
        [0, 'a b%c'],
        [1, null],
      ],
      schema: 'id int, name string',
      partitionBy: ['name'],
    }
    await ask('append', path, options)
    const writer = await startWriter(path, { schema: schema('id int, name string') })
    await writeBatch(writer, batchOf(0), [[[{ id: 2, name: 'a b%c' }]]])
    for (let id = 3; id < 13; id++) await ask('append', path, { ...options, rows: [[id, 'x']] })
    await writeBatch(writer, batchOf(1), [[[{ id: 13, name: null }]]])
    const all = Array.from({ length: 14 }, (_, id) => id)
    expect(ids(await ask('read', path))).toEqual(all)
    const rows = await readTable(path)
    expect(rows.map(({ id }) => id as number).sort((a, b) => a - b)).toEqual(all)
    expect(
      rows
        .filter(({ name }) => name === 'a b%c')
        .map(({ id }) => id)
        .sort(),
    ).toEqual([0, 2])
  })

  it('refuses what it can not honour, by name', async () => {
    const path = newTable()
    await ask('append', path, { rows: [[1, 'a']], schema: 'id int, name string' })
    await ask('sql', path, { sql: `alter table delta.\`${path}\` add constraint positive check (id > 0)` })
    await expect(startWriter(path, { schema: schema(idName) })).rejects.toThrow(/checkConstraints/)
    const vectors = newTable()
    await ask('append', vectors, {
      rows: [
        [1, 'a'],
        [2, 'b'],
      ],
      schema: 'id int, name string',
    })
    await ask('sql', vectors, {
      sql: `alter table delta.\`${vectors}\` set tblproperties ('delta.enableDeletionVectors' = 'true')`,
    })
    await expect(readTable(vectors)).rejects.toThrow(/deletionVectors/)
  })
})
