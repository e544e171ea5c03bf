import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { settle } from '../checkpoint/settle.ts'
import { visibleRows } from '../examples/child.ts'

const worker = fileURLToPath(new URL('./held-worker.ts', import.meta.url))

async function run(kind: string, folder: string, point: string) {
  const child = spawn(process.execPath, [worker, kind, folder, point], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code, signal, output }
}

async function stateOf(kind: string, folder: string): Promise<string> {
  const checkpoint =
    kind === 'file' ? fileCheckpoint(join(folder, 'log')) : sqliteCheckpoint(join(folder, 'log.sqlite'))
  const session = await settle(checkpoint.open({ sources: ['numbers'] }))
  const { done, pending } = session.recovered
  await settle(session.close())
  return `done ${done?.batchId}, planned ${pending?.batchId}`
}

// The third batch is in the folder by then; the log learns of it together with the plan of the fourth.
it.each([
  ['file', 'progress', 'done 1, planned 2'],
  ['file', 'latestOffset', 'done 1, planned 2'],
  ['file', 'partitions', 'done 1, planned 2'],
  ['file', 'after commits/2', 'done 2, planned undefined'],
  ['file', 'after plans/3', 'done 2, planned undefined'],
  ['file', 'after offsets/3', 'done 2, planned 3'],
  ['file', 'read', 'done 2, planned 3'],
  ['sqlite', 'progress', 'done 1, planned 2'],
  ['sqlite', 'latestOffset', 'done 1, planned 2'],
  ['sqlite', 'partitions', 'done 1, planned 2'],
  ['sqlite', 'before commit', 'done 1, planned 2'],
  ['sqlite', 'after commit', 'done 2, planned 3'],
  ['sqlite', 'read', 'done 2, planned 3'],
])('a log in %s: killed at %s, each row is there once', async (kind, where, state) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-held-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // Of the opening, of the initial offset, and of each plan.
  const point = where.endsWith(' commit') ? `${where} 6` : where
  expect(await run(kind, folder, point)).toMatchObject({ signal: 'SIGKILL' })
  expect(await stateOf(kind, folder)).toBe(state)
  const again = await run(kind, folder, 'nowhere')
  expect(again).toMatchObject({ code: 0, signal: null })
  expect(again.output).toBe(state === 'done 1, planned 2' ? 'skipped 2\n' : '')
  const rows = await visibleRows<{ n: number }>(join(folder, 'out'))
  expect(rows.map(({ n }) => n).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(await stateOf(kind, folder)).toBe('done 4, planned undefined')
})
