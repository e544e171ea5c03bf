import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { readJsonLines } from '../../src/connectors/json-lines/read.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running example, as a user runs it: in a process of its own, on the built package. */
export interface Example {
  /** What it wrote so far, both streams together. */
  readonly output: () => string
  /** Resolves as soon as the output holds the text for the `count`-th time; rejects when the process ends without. */
  readonly said: (text: string, count?: number) => Promise<void>
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

/** Killed at the end of the test, should it still run. @param first a module's source, run before the example. */
export function startExample(file: string, env: Readonly<Record<string, string>>, first?: string): Example {
  if (!existsSync(join(root, 'dist/src/index.js')))
    throw new Error('examples run on the built package: "npm run build" first')
  const nodeOptions = first === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(first)}`]
  return startNode(join(root, 'examples', file), { env, nodeOptions })
}

/** For {@link startExample}: requests to one origin go to another one. */
export function redirect(from: string, to: string): string {
  return `const real = globalThis.fetch
globalThis.fetch = (url, options) => real(url.replace(${JSON.stringify(from)}, ${JSON.stringify(to)}), options)`
}

export interface JsonReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** A server that answers with JSON; its origin. Closed at the end of the test. */
export async function serveJson(answer: (url: URL) => JsonReply): Promise<string> {
  const server = createServer((request, response) => {
    const { status = 200, headers = {}, body } = answer(new URL(request.url ?? '', 'http://localhost'))
    response.writeHead(status, headers)
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface NodeOptions {
  readonly env?: Readonly<Record<string, string>>
  /** @default the package's folder */
  readonly cwd?: string
  readonly nodeOptions?: readonly string[]
}

export function startNode(script: string, { env = {}, cwd = root, nodeOptions = [] }: NodeOptions = {}): Example {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SLUICE_|NODE_OPTIONS$|NODE_V8_|NODE_TEST|VITEST|FORCE_COLOR)/.test(name),
  )
  const child: ChildProcess = spawn(process.execPath, [...nodeOptions, script], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const listener of listeners) listener()
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const said = (text: string, count = 1) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.split(text).length <= count) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      void ended.then(() => reject(new Error(`it ended without saying ${JSON.stringify(text)}:\n${output}`)))
    })
  return { output: () => output, said, kill: (signal) => child.kill(signal), ended }
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-example-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The rows that the manifest vouches for; none where nothing was written yet. */
export async function committedRows<Row extends object>(path: string): Promise<Row[]> {
  if (!existsSync(join(path, '_manifest'))) return []
  const rows: Row[] = []
  for await (const row of readJsonLines<Row>(path)) rows.push(row)
  return rows
}

/** The rows that `cat *.jsonl` shows. */
export async function visibleRows<Row extends object>(path: string): Promise<Row[]> {
  const names = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')))
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}
