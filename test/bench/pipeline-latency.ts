// How long a row waits from its push to its commit, when a thousand come a second, each by itself: a source that announces them, `whenAvailable`, a SQLite checkpoint.
// A thread of its own pushes, so that what keeps the query's thread busy counts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { memoryStream, readStream, type StreamWriter, sqliteCheckpoint, whenAvailable } from 'sluice'
import { bench } from './harness/bench.ts'

const perSecond = 1_000
const seconds = 4
const warmUp = perSecond
const rows = perSecond * seconds

interface Pushed {
  /** Milliseconds, the same clock in every thread. */
  readonly at: number
}

const clock = (): number => performance.timeOrigin + performance.now()

if (isMainThread) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  let runs = 0
  try {
    await bench([
      {
        name: `pushed → committed, ${perSecond.toLocaleString('en')} rows a second, SQLite checkpoint`,
        size: { rows, bytes: rows * JSON.stringify({ at: clock() }).length },
        sample: () => waits(join(place, `${runs++}.sqlite`)),
        figures: { p50: { unit: 'ms', atMost: 2 }, p99: { unit: 'ms', atMost: 10 } },
      },
    ])
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
} else push()

async function waits(file: string): Promise<{ p50: number; p99: number }> {
  const pushed = memoryStream<Pushed>({ forgetCommitted: true })
  const measured: number[] = []
  const all = Promise.withResolvers<void>()
  const sink = (): StreamWriter<Pushed, readonly Pushed[]> => ({
    guarantee: 'append',
    open: () => {
      const held: Pushed[] = []
      return { write: (some) => void held.push(...some), finish: () => held }
    },
    commit: (parts) => {
      const now = clock()
      for (const { at } of parts.flat()) measured.push(now - at)
      if (measured.length >= rows) all.resolve()
    },
  })
  const run = readStream(pushed)
    .writeStream(sink, { name: 'bench', checkpoint: sqliteCheckpoint(file), trigger: whenAvailable() })
    .start()
  const worker = new Worker(new URL(import.meta.url))
  worker.on('message', (row: Pushed) => pushed.add(row))
  worker.once('error', all.reject)
  await Promise.race([all.promise, run.terminated])
  await run.drain()
  await worker.terminate()
  const sorted = measured.slice(warmUp).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] as number
  return { p50: at(0.5), p99: at(0.99) }
}

/** A row at a time, when it is due; what a late timer has missed comes at once. */
function push(): void {
  const begun = clock()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.min(rows, Math.floor(((clock() - begun) * perSecond) / 1_000))
    for (; sent < due; sent++) parentPort?.postMessage({ at: clock() } satisfies Pushed)
    if (sent === rows) clearInterval(timer)
  }, 1)
}
