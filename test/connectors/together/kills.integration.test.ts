import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, it, onTestFinished } from 'vitest'
import { withDatabase } from '../../support/postgres.ts'

const program = fileURLToPath(new URL('./worker.ts', import.meta.url))
const [fromTable, inFiles, perFile] = [1_500, 10, 50]
const mostKills = 25

/** @returns whether it was killed. */
async function runOnce(args: readonly string[], killAfterMs: number | undefined): Promise<boolean> {
  const child = spawn(process.execPath, ['--no-warnings', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close')
  const begun = Promise.race([once(child.stdout, 'data'), ended])
  if (killAfterMs !== undefined) {
    await begun
    await Promise.race([sleep(killAfterMs), ended])
    child.kill('SIGKILL')
  }
  const [code, signal] = await ended
  if (signal !== 'SIGKILL') expect([code, errors]).toEqual([0, ''])
  return signal === 'SIGKILL'
}

/** The files that the table's log names, as it has them. */
function filesOfLog(table: string): string[] {
  const log = join(table, '_delta_log')
  const entries = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name))
  const lines = entries.flatMap((name) => readFileSync(join(log, name), 'utf8').trim().split('\n'))
  return lines.flatMap((line) => {
    const { add } = JSON.parse(line) as { add?: { path: string } }
    return add === undefined ? [] : [join(table, decodeURIComponent(add.path))]
  })
}

it.each(['file', 'joined'])(
  'a union of a table and a folder into three sinks at once, killed again and again, is in each of them once; log: %s',
  {
    timeout: 240_000,
  },
  async (log) => {
    const { url, client, psql } = await withDatabase()
    const place = mkdtempSync(join(tmpdir(), 'sluice-together-'))
    onTestFinished(() => rmSync(place, { recursive: true, force: true }))
    await client.query(`CREATE TABLE source (id bigint PRIMARY KEY, note text);
    INSERT INTO source SELECT i, 'n' || i FROM generate_series(1, ${fromTable}) AS i`)
    mkdirSync(join(place, 'in'))
    for (let file = 0; file < inFiles; file++) {
      const lines = Array.from({ length: perFile }, (_, i) => `{"id":${10_000 + file * perFile + i},"note":"f"}\n`)
      writeFileSync(join(place, 'in', `${file}.jsonl`), lines.join(''))
    }
    let kills = 0
    while (kills < mostKills && (await runOnce([url, place, log], 20 + Math.random() * 300))) kills++
    await runOnce([url, place, log], undefined)
    expect(kills).toBeGreaterThan(5)

    const count = fromTable + inFiles * perFile
    expect(psql('SELECT count(*), count(DISTINCT id) FROM sink')).toEqual([`${count}|${count}`])
    const instance = await DuckDBInstance.create(':memory:')
    onTestFinished(() => instance.closeSync())
    const connection = await instance.connect()
    const shown = readdirSync(join(place, 'out')).filter((name) => name.startsWith('part-'))
    for (const paths of [filesOfLog(join(place, 'delta')), shown.map((name) => join(place, 'out', name))]) {
      const list = paths.map((path) => `'${path}'`).join(', ')
      const reader = await connection.runAndReadAll(`select count(*), count(distinct id) from read_parquet([${list}])`)
      expect(reader.getRows()).toEqual([[BigInt(count), BigInt(count)]])
    }
  },
)
