import type { StreamSource } from '../../../src/data-source.ts'
import { schema } from '../../../src/schema.ts'

/** A row whose id says its place. */
export interface Numbered {
  readonly id: bigint
  readonly name: string
}

type Slice = { readonly from: number; readonly to: number }

/** Ids from 0 up to a number, several partitions a batch, a few rows a chunk. */
export function numbers(until: number, partitions = 3): StreamSource<{ readonly n: number }, Slice, Numbered> {
  return {
    name: 'numbers',
    schema: schema('id bigint not null, name string not null'),
    streamReader: () => ({
      initialOffset: () => ({ n: 0 }),
      latestOffset: ({ n }, { maxRows }) => ({ n: Math.min(until, n + maxRows) }),
      partitions: (start, end) => {
        const size = Math.ceil((end.n - start.n) / partitions)
        return Array.from({ length: partitions }, (_, index) => ({
          from: Math.min(end.n, start.n + index * size),
          to: Math.min(end.n, start.n + (index + 1) * size),
        })).filter(({ from, to }) => to > from)
      },
      async *read({ from, to }) {
        for (let first = from; first < to; first += 10) {
          yield Array.from({ length: Math.min(10, to - first) }, (_, index) => ({
            id: BigInt(first + index),
            name: `row ${first + index}`,
          }))
        }
      },
      compare: (a, b) => a.n - b.n,
      reportLatestOffset: () => ({ n: until }),
    }),
  }
}
