import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { total } from './api.ts'

/** `KILLS=50` for longer, by hand. */
const kills = Number(process.env.KILLS ?? 2)
const beside = (name: string): string => join(import.meta.dirname, name)

let api: ChildProcess
let url: string
let lines: Interface
beforeAll(async () => {
  api = spawn(process.execPath, [beside('api.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  lines = createInterface({ input: api.stdout as NodeJS.ReadableStream })
  url = ((await once(lines, 'line')) as [string])[0]
})
afterAll(async () => {
  const closed = once(api, 'close')
  api.stdin?.end()
  await closed
})

/** @param killAfter so many requests: in the midst of pages. */
async function run(way: string, limit: string, folder: string, killAfter: number): Promise<'killed' | 'done'> {
  const args = [beside('child.ts'), url, way, limit, folder]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', (text) => {
    told += String(text)
  })
  let left = killAfter
  const count = (): void => {
    if (--left < 0) child.kill('SIGKILL')
  }
  lines.on('line', count)
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  lines.off('line', count)
  if (signal === null && code !== 0) throw new Error(`${way} ${limit}: ${told}`)
  return signal === null ? 'done' : 'killed'
}

/** The ids in committed files, read without any code of ours. */
async function idsIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { id: number }).id),
  )
}

const ways = ['cursor', 'url', 'offset'].flatMap((way) => ['20', ''].map((limit) => [way, limit] as const))

it.each(ways)(
  'pages by %s, at most "%s" rows a batch: killed at random moments, every row is there once',
  async (way, limit) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-kill-'))
    try {
      let killed = 0
      for (let n = 0; n < kills; n++) {
        if ((await run(way, limit, folder, Math.floor(Math.random() * 20))) === 'killed') killed++
      }
      expect(await run(way, limit, folder, Infinity)).toBe('done')
      expect(killed).toBeGreaterThan(0)
      const ids = (await idsIn(`${folder}/out`)).toSorted((a, b) => a - b)
      expect(ids).toEqual(Array.from({ length: total }, (_, id) => id))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  60_000,
)
