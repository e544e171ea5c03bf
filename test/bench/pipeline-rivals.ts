// The same rows through a whole query beside other ways to write a stream: a row an emission in RxJS, a row a chunk in Node's streams, Effect's Stream of chunks.
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Effect, Stream } from 'effect'
import { concatMap, filter, from, lastValueFrom, map, type Observable } from 'rxjs'
import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
import { filterRows, mapRows } from 'sluice/operators'
import { bench, type Comparison } from './harness/bench.ts'
import { assertKept, bytesPerRow, chunkRows, isKept, type Row, read, source, twice } from './harness/chunks.ts'

const chunks = 2_000
const rows = chunks * chunkRows

async function byQuery(): Promise<void> {
  const query = readStream(source({ chunks }))
    .pipe(mapRows(twice), filterRows(isKept))
    .writeStream(noop(), { name: 'bench', checkpoint: memoryCheckpoint(), trigger: availableNow() })
  const { sink } = await lastValueFrom(query)
  assertKept(sink.numOutputRows, rows)
}

async function byRxjs(rows$: Observable<Row>): Promise<void> {
  let arrived = 0
  await new Promise<void>((resolve, reject) => {
    rows$.pipe(map(twice), filter(isKept)).subscribe({ next: () => arrived++, error: reject, complete: resolve })
  })
  assertKept(arrived, rows)
}

async function* eachRow(): AsyncGenerator<Row> {
  for await (const chunk of read(chunks)) yield* chunk
}

async function byNode(): Promise<void> {
  let arrived = 0
  await pipeline(
    Readable.from(eachRow()),
    new Transform({
      objectMode: true,
      transform: (row: Row, _encoding, done) => {
        const next = twice(row)
        if (isKept(next)) done(null, next)
        else done()
      },
    }),
    new Writable({
      objectMode: true,
      write: (_row, _encoding, done) => {
        arrived++
        done()
      },
    }),
  )
  assertKept(arrived, rows)
}

/** Its elements are rows; inside they travel in arrays, and `flattenArray` takes the chunks as such. */
async function byEffect(): Promise<void> {
  let arrived = 0
  const full = read(chunks) as AsyncIterable<readonly [Row, ...Row[]]>
  const rowsOfChunks = Stream.fromAsyncIterable(full, (error) => error).pipe(
    Stream.flattenArray,
    Stream.map(twice),
    Stream.filter(isKept),
  )
  const counted = Stream.runForEachArray(rowsOfChunks, (some) =>
    Effect.sync(() => {
      arrived += some.length
    }),
  )
  await Effect.runPromise(counted)
  assertKept(arrived, rows)
}

const common = {
  size: { rows, bytes: rows * bytesPerRow, batchRows: rows },
  clock: 'processor',
  run: byQuery,
} satisfies Partial<Comparison>

await bench([
  {
    ...common,
    name: 'rows through a query, and RxJS',
    against: 'a row an emission in RxJS, from an async generator of rows',
    rival: () => byRxjs(from(eachRow())),
    judged: [{ as: 'of its speed', atLeast: 5 }],
  },
  {
    ...common,
    name: 'rows through a query, and RxJS that flattens',
    against: 'a row an emission in RxJS, flattened from the same chunks',
    rival: () => byRxjs(from(read(chunks)).pipe(concatMap((chunk) => chunk))),
    judged: [{ as: 'of its speed' }],
  },
  {
    ...common,
    name: 'rows through a query, and Node streams',
    against: 'a row each in Node streams',
    rival: byNode,
    judged: [{ as: 'of its speed', atLeast: 10 }],
  },
  {
    ...common,
    name: 'rows through a query, and Effect',
    against: "Effect's Stream, chunked",
    packages: ['rxjs', 'effect'],
    rival: byEffect,
    judged: [{ as: 'of its speed', atLeast: 1 }],
  },
])
