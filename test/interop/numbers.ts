import { appendFileSync, readFileSync } from 'node:fs'
import { defineDataSource } from '../../src/data-source.ts'
import { schema } from '../../src/schema.ts'

/** The numbers below the head, which stands in a file; Spark has the same source in spark_query.py. */
export const numbers = defineDataSource({
  name: 'numbers',
  schema: schema('n int not null'),
  streamReader: ({ head, acks }: NumbersOptions) => {
    const latest = () => Number(readFileSync(head, 'utf8'))
    return {
      initialOffset: () => offsetAt(0),
      latestOffset: (start: NumbersOffset, { maxRows }: { readonly maxRows: number }) =>
        offsetAt(Math.min(latest(), start.offset + maxRows)),
      reportLatestOffset: () => offsetAt(latest()),
      compare: (a: NumbersOffset, b: NumbersOffset) => a.offset - b.offset,
      partitions: (start: NumbersOffset, end: NumbersOffset) => {
        const middle = Math.floor((start.offset + end.offset) / 2)
        return [
          { from: start.offset, to: middle },
          { from: middle, to: end.offset },
        ].filter(({ from, to }) => from < to)
      },
      async *read({ from, to }: { readonly from: number; readonly to: number }) {
        yield Array.from({ length: to - from }, (_, index) => ({ n: from + index }))
      },
      commit: ({ offset }: NumbersOffset) => appendFileSync(acks, `${offset}\n`),
    }
  },
})

export interface NumbersOptions {
  /** A file with the number that is not there yet. */
  readonly head: string
  /** A file that each `commit` adds a line to. */
  readonly acks: string
}

export type NumbersOffset = ReturnType<typeof offsetAt>

/** With characters that JSON writers treat differently: beyond ASCII, beyond 16 bits, DEL, a line separator, quotes. */
function offsetAt(n: number) {
  return {
    offset: n,
    'größe ✓': `Nr. ${n} “日本” \u{1f600} \x7f \u2028 " \\ / \t`,
    nested: { z: { even: n % 2 === 0, ten: Math.floor(n / 10) }, a: {} },
  }
}
