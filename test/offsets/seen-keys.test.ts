import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError, PortError } from '../../src/errors.ts'
import { type SeenKeysOffset, seenKeysOffset } from '../../src/offsets/seen-keys.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from '../../src/source.ts'
import { answer } from './answer.ts'

interface Row {
  readonly at: number
  readonly id: string
}
type Offset = SeenKeysOffset<number>

const rows = (maxRows: number): ReadLimit => ({ ...readAllAvailable, maxRows })
const row = (at: number, id: string): Row => ({ at, id })

/** An API that knows only `at >= :at ORDER BY at LIMIT n`. */
const select = (table: readonly Row[], from: number | undefined, count: number) =>
  table
    .toSorted((a, b) => a.at - b.at)
    .filter(({ at }) => from === undefined || at >= from)
    .slice(0, count)

const seenKeys = (table: readonly Row[], from?: number) =>
  seenKeysOffset({
    value: ({ at }: Row) => at,
    key: ({ id }: Row) => id,
    ...(from !== undefined && { from }),
    head: (start, count) => select(table, start, count),
  })

describe('seenKeysOffset', () => {
  const table = [row(1, 'a'), row(2, 'b'), row(2, 'c'), row(2, 'd'), row(3, 'e')]

  it('completes a reader', () => {
    const { fresh, advance, within, ...positions } = seenKeys(table)
    const reader: StreamReader<Offset, { readonly from: Offset; readonly to: Offset }, Row> = {
      ...positions,
      *read(range) {
        yield table.filter(within(range))
      },
    }
    const end = answer(reader.latestOffset({}, rows(3)))
    expect(end).toEqual({ value: 2, seen: { b: true, c: true } })
    expect(table.filter(within({ from: {}, to: end }))).toEqual(table.slice(0, 3))
    expect(fresh(end, select(table, 2, Infinity))).toEqual(table.slice(3))
    expect(advance(end, table.slice(3, 4))).toEqual({ value: 2, seen: { b: true, c: true, d: true } })
    expect(advance(end, table.slice(3))).toEqual({ value: 3, seen: { e: true } })
    expect(advance(end, [])).toBe(end)
  })

  it('begins before all rows, or before all rows of a value', () => {
    expect(answer(seenKeys(table).initialOffset())).toEqual({})
    const start = answer(seenKeys(table, 2).initialOffset())
    expect(start).toEqual({ value: 2 })
    expect(seenKeys(table).fresh(start, table)).toEqual(table.slice(1))
  })

  it('reads five rows of one time once each, over two pages and two batches', () => {
    const tied = ['a', 'b', 'c', 'd', 'e'].map((id) => row(12, id))
    const { latestOffset, fresh, advance, within } = seenKeys(tied)
    const read: string[] = []
    let start: Offset = {}
    for (let batch = 0; batch < 2; batch++) {
      const end = answer(latestOffset(start, rows(3)))
      let page = start
      // Pages of two new rows; what was seen comes again with each.
      for (;;) {
        const old = Object.keys(page.seen ?? {}).length
        const next = fresh(page, select(tied, page.value, old + 2))
        read.push(...next.filter(within({ from: start, to: end })).map(({ id }) => id))
        if (next.length === 0 || !next.every(within({ from: start, to: end }))) break
        page = advance(page, next)
      }
      start = end
    }
    expect(read).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(answer(latestOffset(start, rows(3)))).toEqual(start)
  })

  it('asks for as many rows more as will come again, so that a batch always moves on', () => {
    const asked: unknown[] = []
    const { latestOffset } = seenKeysOffset({
      value: ({ at }: Row) => at,
      key: ({ id }: Row) => id,
      head: (from, count) => {
        asked.push([from, count])
        return select(table, from, count)
      },
    })
    const end = answer(latestOffset({ value: 2, seen: { b: true, c: true } }, rows(1)))
    expect(asked).toEqual([[2, 3]])
    expect(end).toEqual({ value: 2, seen: { b: true, c: true, d: true } })
  })

  it('finds a row that appears later with the time of the boundary', () => {
    const { latestOffset, within } = seenKeys([...table, row(3, 'late')])
    const start: Offset = { value: 3, seen: { e: true } }
    const end = answer(latestOffset(start, readAllAvailable))
    expect(end).toEqual({ value: 3, seen: { e: true, late: true } })
    expect([...table, row(3, 'late')].filter(within({ from: start, to: end }))).toEqual([row(3, 'late')])
  })

  it('replays a batch without rows that appeared since', () => {
    const [from, to]: Offset[] = [
      { value: 1, seen: { a: true } },
      { value: 2, seen: { b: true, c: true } },
    ]
    const later = [...table, row(2, 'late'), row(1, 'later')]
    expect(later.filter(seenKeys([]).within({ from: from as Offset, to: to as Offset }))).not.toContainEqual(
      row(2, 'late'),
    )
    expect(later.filter(seenKeys([]).within({ from: from as Offset, to: to as Offset }))).toEqual([
      row(2, 'b'),
      row(2, 'c'),
      row(1, 'later'),
    ])
  })

  it('takes keys named as properties every object inherits', () => {
    const odd = [row(1, '__proto__'), row(1, 'constructor'), row(1, 'x')]
    const { latestOffset, fresh } = seenKeys(odd)
    expect(fresh({ value: 1, seen: {} }, odd)).toEqual(odd)
    const end = answer(latestOffset({}, rows(2)))
    expect(Object.keys(end.seen ?? {})).toEqual(['__proto__', 'constructor'])
    expect(fresh(JSON.parse(JSON.stringify(end)), odd)).toEqual([row(1, 'x')])
  })

  it('orders cuts; one that lacks a key is before', () => {
    const { compare, partitions } = seenKeys(table)
    const cuts: Offset[] = [
      {},
      { value: 1 },
      { value: 1, seen: { a: true } },
      { value: 1, seen: { a: true, b: true } },
      { value: 2 },
    ]
    for (const [i, a] of cuts.entries())
      for (const [j, b] of cuts.entries()) expect(Math.sign(compare(a, b))).toBe(Math.sign(i - j))
    expect(compare({ value: 1 }, { value: 1, seen: {} })).toBe(0)
    expect(compare({ value: 1, seen: { a: true } }, { value: 1, seen: { b: true } })).toBeLessThan(0)
    expect(compare({ value: 1, seen: { b: true } }, { value: 1, seen: { a: true } })).toBeLessThan(0)
    expect(partitions({ value: 1 }, { value: 1 })).toEqual([])
    expect(partitions({ value: 1 }, { value: 2 })).toEqual([{ from: { value: 1 }, to: { value: 2 } }])
  })

  it('refuses a page that is not sorted or lies before the offset: it would lose rows', () => {
    const { advance } = seenKeys(table)
    expect(() => advance({}, [row(2, 'a'), row(1, 'b')])).toThrow(PortError)
    expect(() => advance({ value: 2 }, [row(1, 'b')])).toThrow('rows must be sorted by value: 1 comes after 2')
  })

  it.each([null, undefined, NaN])('refuses rows whose value or key is %o', (bad) => {
    const options = { value: () => 1, key: () => 1, head: (): readonly object[] => [] }
    expect(() => seenKeysOffset({ ...options, value: () => bad as number }).advance({}, [{}])).toThrow(PortError)
    expect(() => seenKeysOffset({ ...options, key: () => bad as number }).advance({}, [{}])).toThrow(
      `key of seenKeysOffset must be a safe integer or a text, and it is ${bad}`,
    )
  })

  it.each<[object, string]>([
    [{ key: () => 1, head: () => [] }, 'option "value" is missing'],
    [{ value: () => 1, key: () => 1 }, 'option "head" is missing'],
    [{ value: () => 1, key: () => 1, head: () => [], form: 1 }, 'did you mean "from"?'],
  ])('refuses %o', (options, message) => {
    expect(() => seenKeysOffset(options as never)).toThrow(OptionError)
    expect(() => seenKeysOffset(options as never)).toThrow(message)
  })

  it('reads every row once, in any order among ties', () => {
    const all = fc.uniqueArray(fc.record({ at: fc.nat(3), id: fc.constantFrom(...'abcdefgh') }), {
      selector: ({ at, id }) => `${at}${id}`,
      maxLength: 20,
    })
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }), (table, maxRows, arriving) => {
        const arrivals = table.toSorted((a, b) => a.at - b.at)
        const present: Row[] = []
        const { latestOffset, partitions, within, compare } = seenKeys(present)
        const read: Row[] = []
        let start: Offset = {}
        for (let batch = 0; batch < 2 * table.length + 1; batch++) {
          present.unshift(...arrivals.splice(0, arriving))
          const end = answer(latestOffset(start, rows(maxRows)))
          expect(compare(end, start)).toBeGreaterThanOrEqual(0)
          const answered = partitions(start, end).flatMap((range) => present.filter(within(range)))
          expect(answered.length).toBeLessThanOrEqual(maxRows)
          read.push(...answered)
          start = end
        }
        const names = (list: readonly Row[]) => list.map(({ at, id }) => `${at}${id}`).sort()
        expect(names(read)).toEqual(names(table))
      }),
      { numRuns: 200 },
    )
  })
})
