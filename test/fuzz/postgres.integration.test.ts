import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts'
import { postgresTable } from '../../src/connectors/postgres/sink.ts'
import { CheckpointCorruptError, isSluiceError, PortError } from '../../src/errors.ts'
import { schema } from '../../src/schema.ts'
import { collect, settle } from '../checkpoint/settle.ts'
import { batchOf, startOf, writeBatch } from '../connectors/drive.ts'
import { openDatabase, serverUrl, type TestDatabase } from '../support/postgres.ts'
import { damage, damaged } from './damage.ts'
import { fill } from './filled-log.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(serverUrl())
})
afterAll(() => database.close())

const checkpointOf = (name: string): Checkpoint =>
  postgresTable({ url: database.url, table: 'unused', checkpoint: { name } }).checkpoint

/** Where the query stands, as the next process finds it; `undefined`: refused by its name, and nothing was changed. */
async function standing(name: string) {
  const contents = () =>
    database.rows('SELECT batch_id::text, plan, outcome FROM sluice.plans WHERE name = $1 ORDER BY batch_id', [name])
  const before = await contents()
  try {
    const session = await settle(checkpointOf(name).open({ sources: ['s'] }))
    const journal = (await collect(session.readJournal?.(3) ?? [])).flat()
    await settle(session.close())
    return { recovered: session.recovered, journal }
  } catch (error) {
    if (!isSluiceError(error)) throw error
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain(JSON.stringify(name))
    expect(await contents()).toEqual(before)
    return undefined
  }
}

/** The texts and bytes that a log consists of. */
const places = [
  { column: 'plan', of: 'plans', where: 'batch_id = 3', isText: true },
  { column: 'plan', of: 'plans', where: 'batch_id = 2', isText: true },
  { column: 'plan', of: 'plans', where: 'batch_id = 0', isText: true },
  { column: 'initial', of: 'queries', where: 'true', isText: true },
  { column: 'sources', of: 'queries', where: 'true', isText: true },
  { column: 'rows', of: 'journals', where: 'true', isText: false },
] as const

describe('a log in PostgreSQL of which an entry is damaged', () => {
  it('is refused, or the query stands where it stood', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), damage, async ({ column, of, where, isText }, what) => {
        const name = randomUUID()
        await fill(await settle(checkpointOf(name).open({ sources: ['s'] })))
        const expected = await standing(name)
        const at = `sluice.${of} WHERE name = $1 AND ${where}`
        const [found] = await database.rows<{ value: string | Buffer }>(`SELECT ${column} AS value FROM ${at}`, [name])
        const bytes = damaged(Buffer.from(found?.value ?? ''), what)
        // What no text of PostgreSQL can hold can't be in one.
        const text = bytes.toString().replaceAll('\0', '').toWellFormed()
        await database.client.query(`UPDATE sluice.${of} SET ${column} = $2 WHERE name = $1 AND ${where}`, [
          name,
          isText ? text : bytes,
        ])
        const after = await standing(name)
        if (after !== undefined) expect(after).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['batch_id = 3', 'one batch less, which was never finished'],
    ['batch_id = 2', 'refused'],
    ['batch_id = 1', 'refused'],
    ['batch_id = 0', 'as it was: old ones are purged'],
    ['true', 'a query that has not begun'],
  ])('without its batches where %s it is %s', async (where, outcome) => {
    const name = randomUUID()
    await fill(await settle(checkpointOf(name).open({ sources: ['s'] })))
    await database.client.query(`DELETE FROM sluice.plans WHERE name = $1 AND ${where}`, [name])
    const after = await standing(name)
    if (outcome === 'refused') expect(after).toBeUndefined()
    else {
      const last = { 'batch_id = 3': [2, undefined], 'batch_id = 0': [2, 3], true: [undefined, undefined] }[where]
      expect([after?.recovered.done?.batchId, after?.recovered.pending?.batchId]).toEqual(last)
    }
  })

  it.each([
    ['an outcome that is none', "UPDATE sluice.plans SET outcome = 'half' WHERE name = $1"],
    ['a batch without a plan', 'UPDATE sluice.plans SET plan = NULL WHERE name = $1'],
  ])('can not have %s: the server refuses it', async (_what, sql) => {
    const name = randomUUID()
    await fill(await settle(checkpointOf(name).open({ sources: ['s'] })))
    await expect(database.client.query(sql, [name])).rejects.toThrow(/constraint/)
  })
})

describe('a ledger of which an entry is damaged', () => {
  it('refuses the batch, or knows it; a batch that it holds is never written again', async () => {
    await database.client.query('CREATE TABLE held (id int not null)')
    const rows = schema('id int not null')
    const started = async (queryId: string, epoch: number) => {
      const writer = postgresTable({ url: database.url, table: 'held' }).streamWriter()
      await settle(writer.start?.(startOf({ queryId, epoch, schema: rows })))
      return writer
    }
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        await database.client.query('TRUNCATE held')
        const queryId = randomUUID()
        const batch = batchOf(0, { queryId })
        const before = await started(queryId, 1)
        await writeBatch(before, batch, [[[{ id: 1 }]]])
        await settle(before.stop?.())
        const where = 'WHERE query_id = $1'
        const [entry] = await database.rows<{ digest: string }>(`SELECT digest FROM sluice.ledger ${where}`, [queryId])
        const digest = damaged(Buffer.from(entry?.digest ?? ''), what)
          .toString()
          .replaceAll('\0', '')
          .toWellFormed()
        await database.client.query(`UPDATE sluice.ledger SET digest = $2 ${where}`, [queryId, digest])
        const after = await started(queryId, 2)
        try {
          const again = writeBatch(after, batch, [[[{ id: 1 }]]])
          if (digest === entry?.digest) expect(await again).toBe('committed')
          else await expect(again).rejects.toThrow(PortError)
        } finally {
          await settle(after.stop?.())
        }
        expect(await database.rows('SELECT id FROM held')).toEqual([{ id: 1 }])
      }),
      { numRuns: 40 },
    )
  })
})
