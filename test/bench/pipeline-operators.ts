// What a user writes between read and write, by itself: an operator over chunks, its result subscribed to, beside plain code over the same arrays.
import { bufferCount, concatMap, from, lastValueFrom, map, type Observable, reduce } from 'rxjs'
import { bufferRows, filterRows, mapRows } from 'sluice/operators'
import { bench, type Comparison } from './harness/bench.ts'
import { bytesPerRow, chunk, chunkRows, isKept, type Row, twice } from './harness/chunks.ts'

const chunks = 5_000
const rows = chunks * chunkRows
const input = Array.from({ length: chunks }, () => chunk)
const size = { rows, bytes: rows * bytesPerRow, batchRows: chunkRows }

async function throughOperators(output: Observable<readonly unknown[]>, expected: number): Promise<void> {
  assertCount(await lastValueFrom(output.pipe(reduce((sum, some) => sum + some.length, 0))), expected)
}

async function byHand(each: (some: readonly Row[]) => readonly unknown[], expected: number): Promise<void> {
  let sum = 0
  for (const some of input) sum += each(some).length
  assertCount(sum, expected)
}

function assertCount(sum: number, expected: number): void {
  if (sum !== expected) throw new Error(`${sum} instead of ${expected}`)
}

const common = { size, clock: 'processor', against: 'plain code over arrays' } satisfies Partial<Comparison>
const judged = [{ as: 'of its speed', atLeast: 0.9 }] as const

/** So many rows each, across the borders of chunks. */
async function regroupedByHand(count: number): Promise<void> {
  let open: Row[] = []
  const each = (some: readonly Row[]): readonly (readonly Row[])[] => {
    const full: Row[][] = []
    for (const row of some) {
      open.push(row)
      if (open.length < count) continue
      full.push(open)
      open = []
    }
    return full
  }
  let sum = 0
  for (const some of input) for (const full of each(some)) sum += full.length
  assertCount(sum + open.length, rows)
}

await bench([
  {
    ...common,
    name: 'map over chunks',
    run: () => throughOperators(from(input).pipe(map((some) => some.map(twice))), rows),
    rival: () => byHand((some) => some.map(twice), rows),
    judged,
  },
  {
    ...common,
    name: 'mapRows',
    run: () => throughOperators(from(input).pipe(mapRows(twice)), rows),
    rival: () => byHand((some) => some.map(twice), rows),
    judged,
  },
  {
    ...common,
    name: 'filterRows',
    run: () => throughOperators(from(input).pipe(filterRows(isKept)), rows * 0.9),
    rival: () => byHand((some) => some.filter(isKept), rows * 0.9),
    judged,
  },
  {
    ...common,
    name: 'bufferCount(7) of rows',
    run: () =>
      throughOperators(
        from(input).pipe(
          concatMap((some) => some),
          bufferCount(7),
        ),
        rows,
      ),
    rival: () => regroupedByHand(7),
    judged,
  },
  ...[7, 100].map(
    (count): Comparison => ({
      ...common,
      name: `bufferRows(${count})`,
      run: () => throughOperators(from(input).pipe(bufferRows(count)), rows),
      rival: () => regroupedByHand(count),
      judged,
    }),
  ),
])
