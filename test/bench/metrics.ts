// What watching costs on the path of rows: a query with a monitor, a registry of prom-client that is scraped, and logs, beside the same query with nobody watching.
// A B B A …, in one process, by the processor time that it took: on a machine that others use, too, the clock on the wall says more of them.
// node test/bench/metrics.ts [rounds]
import { asyncScheduler, interval, lastValueFrom } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
import { type Logger, logRun, Monitor, prometheusMetrics } from 'sluice/metrics'
import { filterRows, mapRows } from 'sluice/operators'
import { report } from './harness/figure.ts'

interface Row {
  readonly id: number
  readonly name: string
}

const rounds = Number(process.argv[2] ?? 9)
const chunkRows = 1_000
const chunks = 12_000
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

const monitor = new Monitor()
const metrics = prometheusMetrics(monitor)
let before = 0

async function watched(): Promise<void> {
  const run = query().start()
  monitor.watch(run)
  logRun(run, silent)
  // More often than Prometheus usually does.
  const scraping = interval(1_000, asyncScheduler).subscribe(() => void metrics.render())
  await run.terminated
  scraping.unsubscribe()
  const { text } = await metrics.render()
  const rows = [...text.matchAll(/^sluice_partition_rows_committed_total\{.*\} (\d+)$/gm)]
  const committed = rows.reduce((sum, [, value]) => sum + Number(value), 0)
  if (committed - before !== chunks * chunkRows * 0.9) throw new Error(`committed ${committed}`)
  before = committed
}

async function milliseconds(run: () => Promise<void>): Promise<number> {
  const from = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1_000
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
  const watchedFirst = round % 2 === 1
  const early = watchedFirst ? await milliseconds(watched) : 0
  const first = await milliseconds(alone)
  const second = watchedFirst ? early : await milliseconds(watched)
  ratios.push(first / second)
  speeds.push((chunks * chunkRows) / second / 1_000)
}
report(
  {
    name: 'rows through a query that is watched',
    against: 'the same with nobody watching',
    unit: 'of its speed',
    clock: 'processor',
    values: ratios,
    rows: chunks * chunkRows,
    batchRows: chunks * chunkRows,
  },
  ['rxjs', 'prom-client'],
)
console.log(`${rounds} rounds on Node ${process.version}; min / median / max`)
console.log(`rows of ${chunks} chunks of ${chunkRows}, watched, of the same unwatched: ${summary(ratios)}`)
console.log(`million rows a second of processor time, watched: ${summary(speeds)}`)
