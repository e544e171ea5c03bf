import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { readJsonLines } from '../../../src/connectors/json-lines/read.ts'

const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const batches = 12
const rows = 100
const expected = Array.from({ length: batches }, (_, batch) =>
  [0, 1].flatMap((partition) => Array.from({ length: rows }, (_, row) => `${batch}/${partition}/${row}`)),
).flat()

async function idsIn(path: string): Promise<string[]> {
  const ids: string[] = []
  for await (const row of readJsonLines<{ id: string }>(path)) ids.push(row.id)
  return ids
}

/** Resolves once the process has ended. @param killAfter steps on files; Infinity lets it end by itself. */
async function run(
  args: readonly string[],
  killAfter: number,
): Promise<{ code: number | null; signal: string | null }> {
  const running: ChildProcess = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    running.kill('SIGKILL')
  })
  let steps = 0
  running.stdout?.on('data', (dots: Buffer) => {
    steps += dots.length
    if (steps >= killAfter) running.kill('SIGKILL')
  })
  const [code, signal] = (await once(running, 'close')) as [number | null, string | null]
  return { code, signal }
}

test('killed again and again at other steps, and started again: each row once, and readers never see half a batch', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-crash-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [path, log] = [join(folder, 'data'), join(folder, 'done')]
  await writeFile(log, '0')

  let kills = 0
  for (let epoch = 1; epoch <= 12; epoch++) {
    const { signal } = await run([path, log, String(epoch), String(batches), String(rows)], 20 + 3 * epoch)
    if (signal !== null) kills++
    const ids = await idsIn(path)
    expect(ids.length % (2 * rows)).toBe(0)
    expect(ids).toEqual(expected.slice(0, ids.length))
  }
  expect(kills).toBeGreaterThan(5)

  expect(await run([path, log, '13', String(batches), String(rows)], Infinity)).toEqual({ code: 0, signal: null })
  expect(await idsIn(path)).toEqual(expected)
  const shown = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort()
  const texts = await Promise.all(shown.map((name) => readFile(join(path, name), 'utf8')))
  expect(
    texts
      .join('')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: string }).id),
  ).toEqual(expected)
  expect(await readdir(join(path, '_staging', 'q', 'main'))).toEqual([])
})
