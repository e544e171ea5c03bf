// How fast rows and batches go through a whole query, side by side with the same work by hand, A B A B …, in one process.
// node test/bench/pipeline.ts [rounds]
import { lastValueFrom } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
import { filterRows, mapRows } from 'sluice/operators'

interface Row {
  readonly id: number
  readonly name: string
}

const rounds = Number(process.argv[2] ?? 5)
const chunkRows = 1000
const chunk: readonly Row[] = Array.from({ length: chunkRows }, (_, id) => ({ id, name: `n${id}` }))

function source(chunks: number, batches = 1) {
  return {
    name: 'bench',
    streamReader: () => ({
      initialOffset: () => ({ offset: 0 }),
      latestOffset: ({ offset }: { offset: number }) => ({ offset: Math.min(batches, offset + 1) }),
      partitions: () => [{ chunks }],
      async *read() {
        for (let i = 0; i < chunks; i++) yield chunk
      },
      compare: (a: { offset: number }, b: { offset: number }) => a.offset - b.offset,
      reportLatestOffset: () => ({ offset: batches }),
    }),
  }
}

async function rowsByQuery(chunks: number): Promise<void> {
  const query = readStream(source(chunks))
    .pipe(
      mapRows((row: Row) => ({ id: row.id, twice: row.id * 2, name: row.name })),
      filterRows((row) => row.id % 10 !== 0),
    )
    .writeStream(noop(), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
  await lastValueFrom(query)
}

async function rowsByHand(chunks: number): Promise<void> {
  const { streamReader } = source(chunks)
  let written = 0
  for await (const rows of streamReader().read()) {
    const out: { id: number; twice: number; name: string }[] = []
    for (const row of rows) {
      const next = { id: row.id, twice: row.id * 2, name: row.name }
      if (next.id % 10 !== 0) out.push(next)
    }
    written += out.length
    await undefined
  }
  if (written !== chunks * chunkRows * 0.9) throw new Error(`wrote ${written}`)
}

async function batchesByQuery(batches: number): Promise<void> {
  const query = readStream(source(0, batches)).writeStream(noop(), {
    name: 'bench',
    checkpoint: memoryCheckpoint(),
    trigger: availableNow(),
  })
  const last = await lastValueFrom(query)
  if (last.batchId !== batches - 1) throw new Error(`ended at batch ${last.batchId}`)
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

const chunks = 2000
const ratios: number[] = []
const batchMicros: number[] = []
await rowsByQuery(200)
await rowsByHand(200)
await batchesByQuery(2000)
for (let round = 0; round < rounds; round++) {
  const query = await milliseconds(() => rowsByQuery(chunks))
  const hand = await milliseconds(() => rowsByHand(chunks))
  ratios.push(hand / query)
  batchMicros.push(((await milliseconds(() => batchesByQuery(5000))) / 5000) * 1000)
}
console.log(`${rounds} rounds on Node ${process.version}; min / median / max`)
console.log(`rows, ${chunks} chunks of ${chunkRows}, map and filter, of the loop by hand: ${summary(ratios)}`)
console.log(`empty micro-batch in memory, microseconds: ${summary(batchMicros)}`)
