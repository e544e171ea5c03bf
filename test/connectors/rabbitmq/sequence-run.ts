import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { prepareNode, startNode, stopNode } from '../../../scripts/rabbitmq-node.mjs'
import { readJsonLines } from '../../../src/connectors/json-lines/read.ts'
import { faultyProxy } from '../../../src/testing/faulty-proxy.ts'
import { openBroker } from '../../support/rabbitmq-broker.ts'

/** How a queue of numbered messages is consumed while everything fails. */
export interface SequenceRun {
  readonly messages: number
  readonly mode: 'append' | 'journal'
  readonly type: 'classic' | 'quorum'
  readonly processes: number
  readonly prefetch: number
  /** Time between failures, in milliseconds. */
  readonly everyMs: number
  /** What fails, in turn, for as long as there is something to consume. */
  readonly failures: readonly Failure[]
  /** Failures in all. */
  readonly atMost: number
  readonly arguments?: Readonly<Record<string, unknown>>
  /** Ends it early: it fails with the reason, and leaves nothing behind. */
  readonly signal?: AbortSignal
}

export type Failure = 'kill process' | 'cut' | 'stall' | 'swallow' | 'kill broker'

export interface SequenceOutcome {
  readonly lost: number
  readonly repeats: number
  /** What can come again: for every failure, what was under way to the processes that it met. */
  readonly bound: number
  readonly failures: Readonly<Record<Failure, number>>
  /** Processes that ended by themselves: there must be none. */
  readonly crashes: number
  readonly seconds: number
}

const worker = fileURLToPath(new URL('./sequence-worker.ts', import.meta.url))

/** Publishes, consumes, breaks things, and counts. Needs the server's package: the broker is its own, as it is killed, too. */
export async function runSequence(options: SequenceRun): Promise<SequenceOutcome> {
  const { messages, mode, type, processes, prefetch, everyMs, signal } = options
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sequence-'))
  const prepared = await prepareNode(join(folder, 'broker'))
  let node = await startNode(prepared)
  const proxy = await faultyProxy({ host: '127.0.0.1', port: node.port })
  const running = new Map<number, ChildProcess>()
  let ending = false
  let crashes = 0
  const folderOf = (index: number): string => join(folder, String(index))

  const begin = (index: number): void => {
    mkdirSync(folderOf(index), { recursive: true })
    const args = [worker, mode, proxy.url(node.url), queue, folderOf(index), String(prefetch)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] })
    running.set(index, child)
    child.on('close', (code) => {
      if (code !== null && !ending) crashes++
      if (!ending) begin(index)
    })
  }
  const counts: Record<Failure, number> = { 'kill process': 0, cut: 0, stall: 0, swallow: 0, 'kill broker': 0 }
  let bound = 0
  const fail = async (failure: Failure): Promise<void> => {
    counts[failure]++
    bound += prefetch * (failure === 'kill process' ? 1 : processes)
    if (failure === 'kill process') running.get(counts[failure] % processes)?.kill('SIGKILL')
    if (failure === 'cut') proxy.cut()
    if (failure === 'stall' || failure === 'swallow') {
      proxy.mode(failure)
      await sleep(everyMs)
      proxy.mode('pass')
      proxy.cut() // bytes that were swallowed are missing
    }
    if (failure === 'kill broker') {
      await stopNode(node, 'SIGKILL')
      node = await startNode(prepared)
    }
  }

  let queue = ''
  try {
    const publisher = await openBroker(node.url)
    queue = await publisher.queue({
      type,
      ...(options.arguments === undefined ? {} : { arguments: options.arguments }),
    })
    for (let first = 0; first < messages; first += 10_000) {
      signal?.throwIfAborted()
      const part = Array.from({ length: Math.min(10_000, messages - first) }, (_, i) => String(first + i))
      await publisher.publish(
        queue,
        part.map((body) => ({ body, messageId: body })),
      )
    }
    await publisher.model.close()
    const begun = Date.now()
    for (let index = 0; index < processes; index++) begin(index)
    const collect = () =>
      collected(
        mode,
        Array.from({ length: processes }, (_, index) => folderOf(index)),
      )
    let last = { distinct: -1, at: Date.now() }
    let rows: readonly string[] = []
    for (let step = 0; ; ) {
      await sleep(everyMs, undefined, { signal })
      rows = await collect()
      const distinct = new Set(rows).size
      if (distinct >= messages) break
      // Whoever is on his feet again is knocked down; the last ones are left in peace, or they would take for ever.
      const failure = options.failures[step % options.failures.length]
      if (distinct > last.distinct) {
        last = { distinct, at: Date.now() }
        if (failure === undefined || step >= options.atMost || distinct > messages * 0.97) continue
        step++
        await fail(failure)
      } else if (Date.now() - last.at > 60_000) break // none for a minute: they are lost
    }
    ending = true
    const seconds = (Date.now() - begun) / 1_000
    for (const child of running.values()) child.kill('SIGTERM')
    await Promise.all(
      [...running.values()].map((child) =>
        child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined,
      ),
    )
    rows = await collect() // a batch may have been on its way
    const distinct = new Set(rows).size
    return { lost: messages - distinct, repeats: rows.length - distinct, bound, failures: counts, crashes, seconds }
  } finally {
    ending = true
    for (const child of running.values()) child.kill('SIGKILL')
    await proxy.close()
    await stopNode(node, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

async function collected(mode: SequenceRun['mode'], folders: readonly string[]): Promise<readonly string[]> {
  let rows: string[] = []
  for (const folder of folders) {
    if (mode === 'append') {
      if (existsSync(`${folder}/rows`))
        rows = rows.concat(readFileSync(`${folder}/rows`, 'utf8').split('\n').slice(0, -1))
    } else if (existsSync(`${folder}/data/_manifest`)) {
      for await (const { body } of readJsonLines<{ body: string }>(`${folder}/data`)) rows.push(body)
    }
  }
  return rows
}

// node test/connectors/rabbitmq/sequence-run.ts 1000000 append 3
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [messages = '20000', mode = 'append', processes = '1', type = 'quorum', everyMs = '1500', prefetch = '1000'] =
    process.argv.slice(2)
  const failures = [
    'kill process',
    'cut',
    'stall',
    'kill process',
    'swallow',
    'cut',
    'kill process',
    'kill broker',
  ] as const
  // The broker is a process group of its own, which nobody else would end.
  const ending = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => ending.abort(new Error(`ended by ${name}`)))
  console.log(
    await runSequence({
      messages: Number(messages),
      mode: mode === 'journal' ? 'journal' : 'append',
      type: type === 'classic' ? 'classic' : 'quorum',
      processes: Number(processes),
      prefetch: Number(prefetch),
      everyMs: Number(everyMs),
      failures,
      atMost: Infinity,
      signal: ending.signal,
    }),
  )
}
