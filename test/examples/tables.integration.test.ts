import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { withDatabase } from '../support/postgres.ts'
import { type Example, startExample, temporaryFolder } from './child.ts'
import { deltaRows } from './delta-rows.ts'
import { interrupt } from './served.ts'

interface Order {
  readonly id: number
  readonly clerk: string
  readonly item: string | null
  readonly amount: number
}

/** Folders and a database of an example's own. */
async function place() {
  const folder = await temporaryFolder()
  const database = await withDatabase()
  const env = {
    DATABASE_URL: database.url,
    SLUICE_EXAMPLE_DATA: join(folder, 'data'),
    SLUICE_EXAMPLE_CHECKPOINTS: join(folder, 'checkpoints'),
    SLUICE_EXAMPLE_POLL: '50 ms',
    SLUICE_EXAMPLE_PACE: '30',
  }
  return { data: join(folder, 'data'), env, psql: database.psql }
}

/** Kills it a few times at moments of no particular kind, after a batch; the last run is stopped by Ctrl-C. */
async function killedAndResumed(file: () => Example): Promise<string> {
  for (let kill = 0; kill < 4; kill++) {
    const example = file()
    await example.said('Batch', 1 + kill)
    await sleep(Math.random() * 200)
    example.kill('SIGKILL')
    expect((await example.ended).signal, example.output()).toBe('SIGKILL')
  }
  const last = file()
  await last.said('Batch', 5)
  await interrupt(last)
  return last.output()
}

test('13-csv-to-postgres, killed and resumed: psql finds each row of the files once', async () => {
  const { data, env, psql } = await place()
  const sales = join(data, 'sales')
  const output = await killedAndResumed(() => startExample('13-csv-to-postgres.ts', env))
  const rows = psql(
    "SELECT file, id, till, item, amount, sold_at AT TIME ZONE 'UTC' FROM sluice_example.sales ORDER BY id",
  )
  const read = new Set(rows.map((row) => row.split('|')[0]))
  const names = readdirSync(sales).filter((name) => !name.startsWith('.'))
  expect(read.size).toBeGreaterThan(5)
  expect(names).toEqual(expect.arrayContaining([...read]))
  // What came last may not be read yet; of every other file all rows are there, as they were written.
  const expected = names
    .toSorted()
    .slice(0, read.size)
    .flatMap((name) => {
      const cells: string[][] = parse(readFileSync(join(sales, name)), { from_line: 2 })
      return cells.map(([id, till, item, amount, at]) =>
        [name, id, till, item, Number(amount).toFixed(2), postgresTime(at as string)].join('|'),
      )
    })
  expect(rows).toEqual(expected)
  expect(output).toContain(`The table has ${rows.length} rows of ${read.size} files, `)
})

/** As PostgreSQL writes it: no zeros at the end of the fraction. */
function postgresTime(iso: string): string {
  return iso.replace('T', ' ').replace(/\.?0*Z$/, '')
}

test('14-postgres-to-delta, killed and resumed: DuckDB finds each row of the table once', async () => {
  const { data, env, psql } = await place()
  const output = await killedAndResumed(() => startExample('14-postgres-to-delta.ts', env))
  const rows = await deltaRows<Order>(join(data, 'orders-delta'))
  const found = rows
    .toSorted((a, b) => a.id - b.id)
    .map(({ id, clerk, item, amount }) => [id, clerk, item ?? '', amount.toFixed(2)].join('|'))
  expect(new Set(rows.map(({ clerk }) => clerk))).toEqual(new Set(['quick', 'slow']))
  const last = rows.reduce((greatest, { id }) => Math.max(greatest, id), 0)
  expect(last).toBeGreaterThan(100)
  // Of what was read up to there nothing is missing, whoever committed it how late.
  expect(found).toEqual(
    psql(`SELECT id, clerk, item, amount FROM sluice_example.orders WHERE id <= ${last} ORDER BY id`),
  )
  expect(output).toContain(`The table has ${found.length} rows with ${found.length} ids.`)
})
