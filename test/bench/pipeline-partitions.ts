// Many small partitions in one batch: ten rows each beside a loop by hand, and what a partition costs in a batch of many of them beside one of a thousand.
import { lastValueFrom, reduce } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
import { filterRows, mapRows } from 'sluice/operators'
import { bench, type Comparison } from './harness/bench.ts'
import { assertKept, bytesPerRow, chunk, isKept, type Row, twice } from './harness/chunks.ts'

const rowsOfPartition = 10
const ten = chunk.slice(0, rowsOfPartition)

async function* read(): AsyncGenerator<readonly Row[]> {
  yield ten
}

function source(partitions: number, batches: number) {
  return {
    name: 'bench',
    streamReader: () => ({
      initialOffset: () => ({ offset: 0 }),
      latestOffset: ({ offset }: { offset: number }) => ({ offset: Math.min(batches, offset + 1) }),
      partitions: () => Array.from({ length: partitions }, (_, id) => ({ id })),
      read: (_partition: { id: number }) => read(),
      compare: (a: { offset: number }, b: { offset: number }) => a.offset - b.offset,
      reportLatestOffset: () => ({ offset: batches }),
    }),
  }
}

async function byQuery(partitions: number, batches: number): Promise<void> {
  const query = readStream(source(partitions, batches))
    .pipe(mapRows(twice), filterRows(isKept))
    .writeStream(noop(), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
  const arrived = await lastValueFrom(query.pipe(reduce((sum, { sink }) => sum + sink.numOutputRows, 0)))
  assertKept(arrived, partitions * batches * rowsOfPartition)
}

async function byHand(partitions: number): Promise<void> {
  let written = 0
  const write = async (rows: readonly object[]): Promise<void> => {
    written += rows.length
  }
  for (let id = 0; id < partitions; id++) {
    for await (const rows of read()) {
      const out: object[] = []
      for (const row of rows) {
        const next = twice(row)
        if (isKept(next)) out.push(next)
      }
      await write(out)
    }
  }
  assertKept(written, partitions * rowsOfPartition)
}

const size = (partitions: number, batches: number) => {
  const batchRows = partitions * rowsOfPartition
  return { rows: batchRows * batches, bytes: batchRows * batches * bytesPerRow, batchRows }
}

const common = { clock: 'processor' } satisfies Partial<Comparison>
const many = (partitions: number): Comparison => ({
  ...common,
  name: `a partition in a batch of ${partitions.toLocaleString('en')}`,
  against: 'batches of 1,000',
  size: size(partitions, 30_000 / partitions),
  run: () => byQuery(partitions, 30_000 / partitions),
  rival: () => byQuery(1_000, 30),
  judged: [
    { as: 'of its time', atMost: 1.2 },
    { as: 'µs', each: 30_000 },
  ],
})

await bench([
  {
    ...common,
    name: '1,000 partitions of 10 rows',
    against: 'a loop by hand',
    size: size(1_000, 30),
    run: () => byQuery(1_000, 30),
    rival: () => byHand(30_000),
    judged: [
      { as: 'of its speed', atLeast: 0.8 },
      { as: 'µs', each: 30_000 },
    ],
  },
  many(3_000),
  many(10_000),
])
