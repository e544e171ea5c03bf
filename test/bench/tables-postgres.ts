// How fast rows get into and out of PostgreSQL through a whole query, side by side with loops by hand over the same client, A B A B …: append against a bare COPY
// into the same table, upsert against `insert … select from unnest`, the source against a cursor. On the built package, with the server of `npm run services` (or DATABASE_URL).
// node test/bench/tables-postgres.ts [rows a round] [rounds]
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { availableNow, memoryCheckpoint, read, readStream, type StreamSource, schema } from 'sluice'
import { postgresRows, postgresTable } from 'sluice/postgres'
import { report } from './harness/figure.ts'

const url =
  process.env.DATABASE_URL ??
  (JSON.parse(readFileSync(new URL('../../.services/postgres.json', import.meta.url), 'utf8')) as { url: string }).url
const [count = 300_000, rounds = 5] = process.argv.slice(2).map(Number)
const chunk = 1_000
const statement = 10_000

interface Row {
  readonly id: number
  readonly name: string
  readonly amount: number
  readonly at: Date
}

const columns = schema('id int not null, name string, amount double, at timestamp')
const at = new Date('2026-01-01T00:00:00Z')

function rows(first: number, length: number): Row[] {
  return Array.from({ length }, (_, index) => {
    const id = first + index
    return { id, name: `customer number ${id % 1000}`, amount: id / 8, at }
  })
}

const client = new pg.Client({ connectionString: url })
await client.connect()
await client.query(
  'DROP SCHEMA IF EXISTS sluice_bench CASCADE; CREATE SCHEMA sluice_bench; SET search_path = sluice_bench',
)
await client.query('CREATE TABLE t (id integer NOT NULL, name text, amount double precision, at timestamptz)')
await client.query('CREATE TABLE k (id integer PRIMARY KEY, name text, amount double precision, at timestamptz)')
try {
  const { rows: versions } = await client.query<{ version: string }>(
    "SELECT current_setting('server_version') AS version",
  )
  console.log(
    `Node ${process.version}, PostgreSQL ${versions[0]?.version}, ${count} rows, ${rounds} rounds (min / median / max)`,
  )
  await compare('append', 'a bare COPY into the same table', 0.85, () => client.query('TRUNCATE t'), append, bareCopy)
  await compare('upsert', 'unnest by hand', 0.9, () => client.query('TRUNCATE k'), upsert, unnestByHand)
  await client.query('TRUNCATE t')
  await bareCopy()
  await compare('source', 'a cursor by hand', 0.9, () => client.query('SELECT 1'), source, cursorByHand)
} finally {
  await client.query('DROP SCHEMA sluice_bench CASCADE')
  await client.end()
}

async function compare(
  what: string,
  against: string,
  atLeast: number,
  reset: () => Promise<unknown>,
  ours: () => Promise<void>,
  theirs: () => Promise<void>,
): Promise<void> {
  const timed = async (run: () => Promise<void>): Promise<number> => {
    await reset()
    const from = performance.now()
    await run()
    return count / ((performance.now() - from) / 1_000)
  }
  await timed(ours)
  await timed(theirs)
  const rates: { readonly ours: number; readonly theirs: number }[] = []
  for (let round = 0; round < rounds; round++) rates.push({ ours: await timed(ours), theirs: await timed(theirs) })
  report(
    {
      name: `PostgreSQL, ${what}`,
      against,
      unit: 'of its speed',
      target: { atLeast },
      values: rates.map((rate) => rate.ours / rate.theirs),
      rows: count,
      batchRows: count,
    },
    ['rxjs', 'pg', 'pg-copy-streams'],
  )
  console.log(
    `${what}, of ${against}: ${spread(
      rates.map((rate) => rate.ours / rate.theirs),
      2,
    )}`,
  )
  console.log(
    `  ${spread(
      rates.map((rate) => rate.ours),
      0,
    )} rows a second, by hand ${spread(
      rates.map((rate) => rate.theirs),
      0,
    )}`,
  )
}

function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  return [0, Math.floor(sorted.length / 2), sorted.length - 1]
    .map((index) => sorted[index]?.toFixed(digits))
    .join(' / ')
}

function generated(): StreamSource<{ readonly n: number }, { readonly from: number; readonly to: number }, Row> {
  return {
    name: 'generated',
    streamReader: () => ({
      initialOffset: () => ({ n: 0 }),
      latestOffset: () => ({ n: count }),
      partitions: () =>
        Array.from({ length: 4 }, (_, index) => ({ from: (count / 4) * index, to: (count / 4) * (index + 1) })),
      async *read({ from, to }) {
        for (let first = from; first < to; first += chunk) yield rows(first, Math.min(chunk, to - first))
      },
      compare: (a, b) => a.n - b.n,
    }),
  }
}

async function byQuery(options: Parameters<typeof postgresTable>[0]): Promise<void> {
  await readStream({ ...generated(), schema: columns as never })
    .writeStream(postgresTable(options), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
    .start().terminated
}

function append(): Promise<void> {
  return byQuery({ url, table: { schema: 'sluice_bench', name: 't' } })
}

function upsert(): Promise<void> {
  return byQuery({ url, table: { schema: 'sluice_bench', name: 'k' }, mode: 'upsert', key: ['id'] })
}

async function bareCopy(): Promise<void> {
  const stream = client.query(copyFrom('COPY t (id, name, amount, at) FROM STDIN'))
  const special = /[\\\t\n\r]/g
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
  const done = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject))
  for (let first = 0; first < count; first += chunk) {
    let lines = ''
    for (const row of rows(first, chunk)) {
      const name = row.name.replace(special, (character) => escapes[character] as string)
      lines += `${row.id}\t${name}\t${row.amount}\t${row.at.toISOString()}\n`
    }
    if (!stream.write(lines)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end()
  await done
}

async function unnestByHand(): Promise<void> {
  await client.query('BEGIN')
  for (let first = 0; first < count; first += statement) {
    const some = rows(first, Math.min(statement, count - first))
    await client.query(
      `INSERT INTO k SELECT * FROM unnest($1::integer[], $2::text[], $3::float8[], $4::timestamptz[])
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, amount = excluded.amount, at = excluded.at`,
      [
        some.map(({ id }) => id),
        some.map(({ name }) => name),
        some.map(({ amount }) => amount),
        some.map((row) => row.at),
      ],
    )
  }
  await client.query('COMMIT')
}

async function source(): Promise<void> {
  let seen = 0
  const rowsOfTable = postgresRows({
    url,
    table: { schema: 'sluice_bench', name: 't' },
    schema: columns,
    id: 'id',
    partitions: 1,
  })
  const counter = () => ({
    guarantee: 'append' as const,
    open: () => ({
      write: (some: readonly object[]) => {
        seen += some.length
      },
      finish: () => 0,
    }),
    commit: () => undefined,
  })
  await read(rowsOfTable).write(counter).start().terminated
  if (seen !== count) throw new Error(`${seen} rows were read, and ${count} are there`)
}

async function cursorByHand(): Promise<void> {
  let seen = 0
  await client.query('BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT id, name, amount, at FROM t')
  for (;;) {
    const { rows: some } = await client.query<Row>(`FETCH ${statement} FROM c`)
    if (some.length === 0) break
    seen += some.length
  }
  await client.query('COMMIT')
  if (seen !== count) throw new Error(`${seen} rows were read, and ${count} are there`)
}
