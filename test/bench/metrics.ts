// What watching costs on the path of rows: a query with a monitor, a registry of prom-client that is scraped, and logs, beside the same query with nobody watching.
// A B A B …, in one process.  node test/bench/metrics.ts [rounds]
import { asyncScheduler, interval, lastValueFrom } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
import { type Logger, logRun, Monitor, prometheusMetrics } from 'sluice/metrics'
import { filterRows, mapRows } from 'sluice/operators'

interface Row {
  readonly id: number
  readonly name: string
}

const rounds = Number(process.argv[2] ?? 9)
const chunkRows = 1_000
const chunks = 3_000
const partitions = 4
const chunk: readonly Row[] = Array.from({ length: chunkRows }, (_, id) => ({ id, name: `n${id}` }))

const source = {
  name: 'bench',
  streamReader: () => ({
    initialOffset: () => ({ offset: 0 }),
    latestOffset: ({ offset }: { offset: number }) => ({ offset: Math.min(1, offset + 1) }),
    partitions: () => Array.from({ length: partitions }, () => ({ chunks: chunks / partitions })),
    async *read({ chunks: count }: { chunks: number }) {
      for (let i = 0; i < count; i++) yield chunk
    },
    compare: (a: { offset: number }, b: { offset: number }) => a.offset - b.offset,
    reportLatestOffset: () => ({ offset: 1 }),
  }),
}

function query() {
  return readStream(source)
    .pipe(
      mapRows((row: Row) => ({ id: row.id, twice: row.id * 2, name: row.name })),
      filterRows((row) => row.id % 10 !== 0),
    )
    .writeStream(noop(), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
}

async function alone(): Promise<void> {
  const run = query().start()
  await run.terminated
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

async function watched(): Promise<void> {
  const monitor = new Monitor()
  const metrics = prometheusMetrics(monitor)
  const run = query().start()
  monitor.watch(run)
  logRun(run, silent)
  // Far more often than Prometheus would.
  const scraping = interval(100, asyncScheduler).subscribe(() => void metrics.render())
  await run.terminated
  scraping.unsubscribe()
  const { text } = await metrics.render()
  const rows = [...text.matchAll(/^sluice_partition_rows_committed_total\{.*\} (\d+)$/gm)]
  const committed = rows.reduce((sum, [, value]) => sum + Number(value), 0)
  if (committed !== chunks * chunkRows * 0.9) throw new Error(`committed ${committed}`)
}

async function milliseconds(run: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await run()
  return performance.now() - from
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(3)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

await alone()
await watched()
await lastValueFrom(query())
const ratios: number[] = []
const speeds: number[] = []
for (let round = 0; round < rounds; round++) {
  const first = await milliseconds(alone)
  const second = await milliseconds(watched)
  ratios.push(first / second)
  speeds.push((chunks * chunkRows) / second / 1_000)
}
console.log(`${rounds} rounds on Node ${process.version}; min / median / max`)
console.log(`rows of ${chunks} chunks of ${chunkRows}, watched, of the same unwatched: ${summary(ratios)}`)
console.log(`million rows a second, watched: ${summary(speeds)}`)
