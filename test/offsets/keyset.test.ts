import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OffsetError, OptionError, PortError } from '../../src/errors.ts'
import { keysetOffset } from '../../src/offsets/keyset.ts'
import { integerOrder } from '../../src/offsets/order.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from '../../src/source.ts'
import { answer } from './answer.ts'

interface Row {
  readonly at: string
  readonly id: number
}

const rows = (maxRows: number): ReadLimit => ({ ...readAllAvailable, maxRows })
const row = (at: string, id: number): Row => ({ at, id })
const sorted = (table: readonly Row[]) => table.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id))

/** A table that is asked as SQL would be: `WHERE at > :at OR (at = :at AND id > :id) ORDER BY at, id LIMIT n`. */
function select(
  table: readonly Row[],
  start: { readonly value?: string; readonly key?: number },
  limit: number,
): readonly Row[] {
  const { value = '', key = -Infinity } = start
  return sorted(table)
    .filter(({ at, id }) => at > value || (at === value && id > key))
    .slice(0, limit)
}

const keyset = (table: readonly Row[], from?: string) =>
  keysetOffset({
    value: ({ at }: Row) => at,
    key: ({ id }: Row) => id,
    ...(from !== undefined && { from }),
    head: (start, maxRows) => select(table, start, maxRows).at(-1),
  })

describe('keysetOffset', () => {
  const table = [row('a', 1), row('b', 1), row('b', 2), row('b', 3), row('c', 1)]

  it('completes a reader', () => {
    type Offset = { readonly value?: string; readonly key?: number }
    const { endOf, within, after, ...positions } = keyset(table)
    const reader: StreamReader<Offset, { readonly from: Offset; readonly to: Offset }, Row> = {
      ...positions,
      *read(range) {
        yield table.filter(within(range))
      },
    }
    expect(answer(reader.initialOffset())).toEqual({})
    expect(answer(reader.latestOffset({}, rows(3)))).toEqual({ value: 'b', key: 2 })
    expect(table.filter(after({ value: 'b', key: 2 }))).toEqual([row('b', 3), row('c', 1)])
    expect(endOf({}, table)).toEqual({ value: 'c', key: 1 })
  })

  it('begins before all rows, or before all rows of a value', () => {
    expect(answer(keyset(table).initialOffset())).toEqual({})
    const start = answer(keyset(table, 'b').initialOffset())
    expect(start).toEqual({ value: 'b' })
    expect(table.filter(keyset(table).after(start))).toEqual(table.slice(1))
  })

  it('names the last row read: that row is before the cut, the next of the same value is after it', () => {
    const { within } = keyset(table)
    const cut = { value: 'b', key: 2 }
    expect(table.filter(within({ from: {}, to: cut }))).toEqual(table.slice(0, 3))
    expect(table.filter(within({ from: cut, to: { value: 'c', key: 1 } }))).toEqual(table.slice(3))
  })

  it('answers its start when there is nothing', () => {
    const { latestOffset } = keyset(table)
    expect(answer(latestOffset({ value: 'c', key: 1 }, readAllAvailable))).toEqual({ value: 'c', key: 1 })
    expect(answer(keyset([]).latestOffset({}, readAllAvailable))).toEqual({})
    expect(answer(keyset([], 'b').reportLatestOffset())).toEqual({ value: 'b' })
    expect(answer(keyset(table).reportLatestOffset())).toEqual({ value: 'c', key: 1 })
  })

  it('reads five rows of one time once each, over two pages and two batches', () => {
    const tied = [1, 2, 3, 4, 5].map((id) => row('noon', id))
    const { latestOffset, endOf, within, compare } = keyset(tied)
    const read: number[] = []
    let start = {}
    for (let batch = 0; batch < 2; batch++) {
      const end = answer(latestOffset(start, rows(3)))
      for (let page = start; compare(page, end) < 0; ) {
        const answered = select(tied, page, 2)
        read.push(...answered.filter(within({ from: page, to: end })).map(({ id }) => id))
        page = endOf(page, answered)
      }
      start = end
    }
    expect(read).toEqual([1, 2, 3, 4, 5])
    expect(answer(latestOffset(start, rows(3)))).toEqual(start)
  })

  it('has one partition for a batch, and none for an empty one', () => {
    const { partitions } = keyset(table)
    expect(partitions({}, { value: 'a', key: 1 })).toEqual([{ from: {}, to: { value: 'a', key: 1 } }])
    expect(partitions({ value: 'a', key: 1 }, { value: 'a', key: 1 })).toEqual([])
  })

  it('orders cuts: before all rows, before a value, after a row', () => {
    const { compare } = keyset(table)
    const cuts = [
      {},
      { value: 'a' },
      { value: 'a', key: 9 },
      { value: 'a', key: 10 },
      { value: 'b' },
      { value: 'b', key: 0 },
    ]
    for (const [i, a] of cuts.entries())
      for (const [j, b] of cuts.entries()) expect(Math.sign(compare(a, b))).toBe(Math.sign(i - j))
    expect(() => compare({ key: 1 }, {})).toThrow(OffsetError)
  })

  it('goes by the order of the source where one is given', () => {
    const { endOf } = keysetOffset({
      value: (id: string) => id,
      key: (id: string) => id,
      head: () => undefined,
      compareValues: integerOrder,
      compareKeys: integerOrder,
    })
    expect(endOf({}, ['9', '10'])).toEqual({ value: '10', key: '10' })
  })

  it('refuses a page that is not sorted, repeats a row or lies before its start: it would lose rows', () => {
    const { endOf } = keyset(table)
    expect(() => endOf({}, [row('b', 1), row('a', 1)])).toThrow(PortError)
    expect(() => endOf({}, [row('b', 2), row('b', 1)])).toThrow(PortError)
    expect(() => endOf({}, [row('b', 1), row('b', 1)])).toThrow(
      '{"value":"b","key":1} comes after {"value":"b","key":1}',
    )
    expect(() => endOf({ value: 'b', key: 1 }, [row('b', 1)])).toThrow(PortError)
  })

  it.each([null, undefined, 0.5])('refuses rows whose value is %o', (value) => {
    const positions = keysetOffset({ value: () => value as number, key: () => 1, head: () => ({}) })
    expect(() => positions.after({})({})).toThrow(
      `value of keysetOffset must be a safe integer or a text, and it is ${value}`,
    )
    expect(() => answer(positions.latestOffset({}, rows(1)))).toThrow(PortError)
  })

  it.each<[object, string]>([
    [{ key: () => 1, head: () => undefined }, 'option "value" is missing'],
    [{ value: () => 1, head: () => undefined }, 'option "key" is missing'],
    [{ value: () => 1, key: () => 1 }, 'option "head" is missing'],
    [
      { value: () => 1, key: () => 1, head: () => undefined, from: 0.5 },
      'option "from" must be a safe integer or a text',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => keysetOffset(options as never)).toThrow(OptionError)
    expect(() => keysetOffset(options as never)).toThrow(message)
  })

  it('reads every row once, also with rows that arrive behind the last one between the batches', () => {
    const at = fc.constantFrom('a', 'b', 'c')
    const id = fc.nat(6)
    const all = fc.uniqueArray(fc.record({ at, id }), { selector: (each) => `${each.at}${each.id}`, maxLength: 20 })
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }), (table, maxRows, arriving) => {
        const arrivals = sorted(table)
        const present: Row[] = []
        const { latestOffset, partitions, within } = keyset(present)
        const read: Row[] = []
        let start = {}
        for (let batch = 0; batch < 2 * table.length + 1; batch++) {
          present.push(...arrivals.splice(0, arriving))
          const end = answer(latestOffset(start, rows(maxRows)))
          const answered = partitions(start, end).flatMap((range) => present.filter(within(range)))
          expect(answered.length).toBeLessThanOrEqual(maxRows)
          read.push(...sorted(answered))
          start = end
        }
        expect(read).toEqual(sorted(table))
      }),
      { numRuns: 200 },
    )
  })
})
