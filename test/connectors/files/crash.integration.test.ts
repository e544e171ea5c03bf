import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { files } from '../../../src/connectors/files/source.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { schema } from '../../../src/schema.ts'
import { read } from '../../../src/stream.ts'

const kills = 50
const rowsOfFile = 200
const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url))

type Format = 'jsonLines' | 'parquet'

/** `started` and `batch` also when it ends before. */
function start(place: string, format: Format, ends = '') {
  const running = spawn(process.execPath, [child, place, format, ends], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    running.kill('SIGKILL')
  })
  const started = Promise.withResolvers<void>()
  const batch = Promise.withResolvers<void>()
  running.stdout.on('data', (said: Buffer) => {
    started.resolve()
    if (said.includes('.')) batch.resolve()
  })
  const closed = new Promise<readonly [number | null, string | null]>((resolve) =>
    running.on('close', (code, signal) => resolve([code, signal])),
  )
  void closed.then(() => {
    started.resolve()
    batch.resolve()
  })
  return { process: running, started: started.promise, batch: batch.promise, closed }
}

function shown(place: string, format: Format): string {
  return format === 'parquet' ? `read_parquet('${place}/out/*.parquet')` : `read_json('${place}/out/*.jsonl')`
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:')
  try {
    const connection = await instance.connect()
    return (await connection.runAndReadAll(sql)).getRowObjectsJson()
  } finally {
    instance.closeSync()
  }
}

/** Nothing twice, and of each batch, which has whole files, all or nothing. */
async function expectWhole(place: string, format: Format, seed: number): Promise<void> {
  const sink = memorySink<object>()
  const source = files({
    path: join(place, 'out'),
    format,
    schema: schema('id int not null, text string'),
    manifest: true,
  })
  await new Promise<void>((complete, error) => read(source).write(sink).subscribe({ complete, error }))
  const ids = (sink.rows as readonly { readonly id: number }[]).map(({ id }) => id)
  expect(ids.length % rowsOfFile, `seed ${seed}`).toBe(0)
  expect(new Set(ids).size, `seed ${seed}`).toBe(ids.length)
}

test.each(['jsonLines', 'parquet'] as const)(
  'killed fifty times at random moments while files arrive, each row is in the folder of %s once',
  async (format) => {
    const place = await mkdtemp(join(tmpdir(), 'sluice-files-crash-'))
    onTestFinished(() => rm(place, { recursive: true, force: true }))
    await mkdir(join(place, 'in'))
    let ids = 0
    const arrive = async () => {
      const rows = Array.from({ length: rowsOfFile }, () => JSON.stringify({ id: ids++, text: 'x'.repeat(ids % 60) }))
      const name = join(place, 'in', `${ids}.jsonl`)
      await writeFile(`${name}.tmp`, rows.join('\n'))
      await rename(`${name}.tmp`, name)
    }

    const [seed = 0] = fc.sample(fc.integer(), 1)
    const moments = fc.sample(fc.integer({ min: 0, max: 120 }), { numRuns: kills, seed })
    let killedAtWork = 0
    for (const [kill, moment] of moments.entries()) {
      const running = start(place, format)
      const arriving = arrive().then(arrive).then(arrive)
      await running.started
      // A third of them before the first batch is done, the others some time after it.
      if (kill % 3 > 0) await running.batch
      await sleep(moment)
      running.process.kill('SIGKILL')
      if (kill % 3 > 0) killedAtWork++
      const [, signal] = await running.closed
      expect(signal, `seed ${seed}`).toBe('SIGKILL')
      await arriving
      if (kill % 10 === 1) await expectWhole(place, format, seed)
    }
    expect(killedAtWork).toBeGreaterThan(kills / 2)

    const last = start(place, format, 'end')
    expect(await last.closed).toEqual([0, null])
    const [counted] = await query(
      `select count(*)::int as n, count(distinct id)::int as d, min(id)::int as a, max(id)::int as z from ${shown(place, format)}`,
    )
    expect(counted, `seed ${seed}`).toEqual({ n: ids, d: ids, a: 0, z: ids - 1 })
    expect(await readdir(join(place, 'out', '_staging')).then((queries) => queries.length)).toBe(1)
    if (format === 'parquet') expect(await readdir(join(place, 'in'))).toEqual([])
  },
)
