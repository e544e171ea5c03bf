// Rows through a whole query (a source in memory, map, filter, the sink that forgets everything) beside the same work as a loop by hand: by itself, and watched
// by a monitor whose registry of prom-client is scraped more often than Prometheus usually does.
// Each turn begins after a full collection, with which V8 also throws away what it had compiled for the objects of the turns before: the engine takes about 5 µs a chunk in such
// a turn, and 1.3 µs once 30,000 chunks have passed.
import { asyncScheduler, interval, lastValueFrom } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream, type StreamingQuery } from 'sluice'
import { Monitor, prometheusMetrics } from 'sluice/metrics'
import { filterRows, mapRows } from 'sluice/operators'
import { bench, type Comparison } from './harness/bench.ts'
import { assertKept, bytesPerRow, chunkRows, isKept, loopByHand, source, twice } from './harness/chunks.ts'

const chunks = 10_000
const rows = chunks * chunkRows

function query(): StreamingQuery {
  return readStream(source({ chunks }))
    .pipe(mapRows(twice), filterRows(isKept))
    .writeStream(noop(), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
}

async function unwatched(): Promise<void> {
  const { sink } = await lastValueFrom(query())
  assertKept(sink.numOutputRows, rows)
}

const monitor = new Monitor()
const metrics = prometheusMetrics(monitor)
let before = 0

async function watched(): Promise<void> {
  const run = query().start()
  monitor.watch(run)
  const scraping = interval(1_000, asyncScheduler).subscribe(() => void metrics.render())
  await run.terminated
  scraping.unsubscribe()
  const { text } = await metrics.render()
  const committed = Number(/^sluice_partition_rows_committed_total\{.*\} (\d+)$/m.exec(text)?.[1])
  assertKept(committed - before, rows)
  before = committed
}

const common = {
  size: { rows, bytes: rows * bytesPerRow, batchRows: rows },
  against: 'a loop by hand',
  clock: 'processor',
  rival: () => loopByHand(chunks),
} satisfies Partial<Comparison>

await bench([
  {
    ...common,
    name: 'rows through a query, chunks of 1,000',
    run: unwatched,
    judged: [{ as: 'of its speed', atLeast: 0.95 }],
  },
  {
    ...common,
    name: 'rows through a query with metrics, chunks of 1,000',
    packages: ['rxjs', 'prom-client'],
    run: watched,
    judged: [{ as: 'of its speed', atLeast: 0.93 }],
  },
])
