import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { zoneOf } from '../../../../src/connectors/records/zone.ts'
import type { CursorOptions } from '../../../../src/connectors/rest/source/cursor-options.ts'
import type { CursorOffset } from '../../../../src/connectors/rest/source/cursor-position.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import { allBatches, nextBatch, readRange, type TableApi, tableCursor } from './table-api.ts'

const event = schema('id string not null, at timestamp not null')
type Event = RowOf<typeof event>

const noon = Date.UTC(2026, 0, 1, 12)
const row = (seconds: number, id: string): Event => ({ id, at: new Date(noon + seconds * 1_000) })
const ids = (rows: readonly Event[]): string => rows.map(({ id }) => id).join(' ')
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()

const byTime = (a: Event, b: Event): number => Number(a.at) - Number(b.at)
const sinceOf = ({ since }: Readonly<Record<string, unknown>>): number =>
  since === undefined ? -Infinity : Date.parse(String(since))

/** `at >= :since ORDER BY at`, two rows a page. */
const api = (rows: readonly Event[], over: Partial<TableApi<Event>> = {}): TableApi<Event> => ({
  rows,
  order: byTime,
  where: ({ at }, params) => Number(at) >= sinceOf(params),
  ...over,
})
const cursor: CursorOptions<Event> = { field: 'at', key: 'id', param: 'since' }
const source = (
  rows: readonly Event[],
  options: Partial<CursorOptions<Event>> = {},
  over: Partial<TableApi<Event>> = {},
  now?: () => number,
) => tableCursor(event, { ...cursor, ...options }, api(rows, over), now === undefined ? {} : { now })

describe('rows of one time', () => {
  const tied = ['a', 'b', 'c', 'd', 'e'].map((id) => row(0, id))

  it('come once each, spread over pages and batches', async () => {
    const batches = await allBatches(source(tied), {}, 3)
    expect(batches.map(({ rows }) => ids(rows))).toEqual(['a b c', 'd e'])
    expect(batches[0]?.end).toEqual({ value: iso(0), seen: { [iso(0)]: { a: true, b: true, c: true } } })
  })

  it('come once each when every batch is read by a process that just started', async () => {
    const read: string[] = []
    let at: CursorOffset = {}
    for (;;) {
      const planned = await nextBatch(source(tied), at, 2)
      if (planned === undefined) break
      read.push(ids(await readRange(source(tied), planned.start, planned.end)))
      at = planned.end
    }
    expect(read).toEqual(['a b', 'c d', 'e'])
  })

  it('come in the same order to a replay, in whatever order the API gives them', async () => {
    const planned = await nextBatch(source(tied), {}, 3)
    const turned = source(tied.toReversed())
    expect(ids(await readRange(turned, planned?.start ?? {}, planned?.end ?? {}))).toBe('a b c')
    const other = await nextBatch(source(tied.toReversed()), {}, 3)
    expect(ids(other?.rows ?? [])).toBe('c d e')
  })

  it('come in the same order to a replay also in the midst of a batch', async () => {
    const rows = [row(0, 'b'), row(0, 'a'), row(1, 'd'), row(1, 'c'), row(2, 'f'), row(2, 'e'), row(3, 'g')]
    for (const [count, expected] of [
      [6, 'a b c d e f'],
      [7, 'a b c d e f g'],
      [5, 'a b c d f'],
    ] as const) {
      const planned = await nextBatch(source(rows), {}, count)
      expect(ids(planned?.rows ?? [])).toBe(expected)
      expect(ids(await readRange(source(rows), {}, planned?.end ?? {}))).toBe(expected)
    }
    const whole = await nextBatch(source(rows.slice(0, 6)), {})
    expect(ids(await readRange(source(rows.slice(0, 6), {}, { pageSize: 4 }), {}, whole?.end ?? {}))).toBe(
      'a b c d e f',
    )
  })

  it('are found when they appear at the boundary later', async () => {
    const rows = [row(0, 'a'), row(1, 'b')]
    const first = await nextBatch(source(rows), {})
    rows.push(row(1, 'late'), row(2, 'c'))
    const second = await nextBatch(source(rows), first?.end ?? {})
    expect([ids(first?.rows ?? []), ids(second?.rows ?? [])]).toEqual(['a b', 'late c'])
    expect(await nextBatch(source(rows), second?.end ?? {})).toBeUndefined()
  })

  it('are not in a replay when they appeared after the plan', async () => {
    const rows = [row(0, 'a'), row(1, 'b')]
    const planned = await nextBatch(source(rows), {})
    rows.push(row(1, 'late'))
    expect(ids(await readRange(source(rows), {}, planned?.end ?? {}))).toBe('a b')
  })
})

describe('what was fetched', () => {
  const rows = Array.from({ length: 10 }, (_, n) => row(n, `${n}`))

  it('is not fetched again: batches share one pagination run, and reading fetches nothing', async () => {
    const shared = source(rows)
    const batches = await allBatches(shared, {}, 3)
    expect(batches.map(({ rows }) => ids(rows))).toEqual(['0 1 2', '3 4 5', '6 7 8', '9'])
    // Five pages, and the question whether there is more.
    expect(shared.asked).toEqual([...[0, 1, 2, 3, 4].map((page) => ({ page })), { since: iso(8.999), page: 0 }])
  })

  it('is forgotten once it is committed, and a replay asks for it from its beginning', async () => {
    const shared = source(rows)
    const first = await nextBatch(shared, {}, 4)
    await nextBatch(shared, first?.end ?? {}, 4)
    const before = shared.asked.length
    expect(ids(await readRange(shared, {}, first?.end ?? {}))).toBe('0 1 2 3')
    // Up to the first row after the batch.
    expect(shared.asked.slice(before)).toEqual([{ page: 0 }, { page: 1 }, { page: 2 }])
  })

  it('gives the same answer when it is asked again, also for less', async () => {
    const shared = source(rows)
    const { latestOffset } = shared.stream
    const limit = { maxRows: 4, maxBytes: Infinity, maxFiles: Infinity }
    const four = await nextBatch(shared, {}, 4)
    const before = shared.asked.length
    expect((await nextBatch(shared, {}, 4))?.end).toEqual(four?.end)
    expect(ids((await nextBatch(shared, {}, 2))?.rows ?? [])).toBe('0 1')
    expect(shared.asked.length).toBe(before)
    expect(latestOffset({}, limit)).toBeDefined()
  })

  it('is asked for with the query that the run began with', async () => {
    let now = noon + 100_000
    const shared = source(rows, { until: 'until' }, {}, () => now++)
    await allBatches(shared, {}, 3)
    const runs = new Set(shared.asked.map(({ page: _, ...query }) => JSON.stringify(query)))
    expect([...runs]).toEqual([
      JSON.stringify({ until: iso(100) }),
      JSON.stringify({ until: iso(100.001), since: iso(8.999) }),
    ])
  })

  it('continues where it was when a page fails in the middle, because what it was asked for with has expired', async () => {
    const shared = source(rows, {}, { onRequest: failOn(3) })
    const batches = await allBatches(shared, {}, 3)
    expect(ids(batches.flatMap(({ rows }) => rows))).toBe('0 1 2 3 4 5 6 7 8 9')
    expect(shared.asked[3]).toEqual({ since: iso(2.999), page: 0 })
  })

  it('fails when nothing came before', async () => {
    await expect(nextBatch(source(rows, {}, { onRequest: failOn(1) }), {})).rejects.toThrow('expired')
    // Twice without a row between.
    await expect(nextBatch(source(rows, {}, { onRequest: failOn(3, 4) }), {})).rejects.toThrow('expired')
  })

  it('is not kept beyond a bound: of a larger batch only the end is found out, and it is asked for again', async () => {
    const shared = source(rows, { maxHeld: 4 })
    const all = await nextBatch(shared, {}, Infinity)
    expect(ids(all?.rows ?? [])).toBe('0 1 2 3 4 5 6 7 8 9')
    expect(all?.end).toEqual({ value: iso(9), seen: { [iso(9)]: { '9': true } } })
    expect(shared.asked.map(({ page }) => page)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
    expect(ids((await nextBatch(shared, {}, 7))?.rows ?? [])).toBe('0 1 2 3 4 5 6')
    const small = source(rows, { maxHeld: 4 })
    expect((await allBatches(small, {}, 4)).map(({ rows }) => ids(rows))).toEqual(['0 1 2 3', '4 5 6 7', '8 9'])
    expect(small.asked).toHaveLength(6)
  })
})

function failOn(...requests: readonly number[]): (count: number) => void {
  return (count) => {
    if (requests.includes(count)) throw new Error('the page token has expired')
  }
}

describe('rows that change', () => {
  it('between plan and replay come with their new value, in a later batch', async () => {
    const rows = [row(0, 'a'), row(1, 'b'), row(2, 'c')]
    const planned = await nextBatch(source(rows), {})
    rows[1] = row(9, 'b')
    expect(ids(await readRange(source(rows), {}, planned?.end ?? {}))).toBe('a c')
    const next = await nextBatch(source(rows), planned?.end ?? {})
    expect(next?.rows).toEqual([row(9, 'b')])
  })

  it('come again with each new value, also inside the look-back window', async () => {
    const rows = [row(0, 'a'), row(1, 'b')]
    const first = await nextBatch(source(rows, { lookback: '1 minute' }), {})
    rows[0] = row(2, 'a')
    const second = await nextBatch(source(rows, { lookback: '1 minute' }), first?.end ?? {})
    expect(second?.rows).toEqual([row(2, 'a')])
  })
})

describe('lag', () => {
  it('leaves young rows for later', async () => {
    const rows = [row(0, 'a'), row(5, 'b'), row(10, 'c'), row(15, 'd')]
    let now = noon + 20_000
    const shared = source(rows, { lag: '10 seconds' }, {}, () => now)
    const first = await nextBatch(shared, {})
    expect(ids(first?.rows ?? [])).toBe('a b')
    rows.push(row(9, 'late'))
    now = noon + 21_000
    const second = await nextBatch(shared, first?.end ?? {})
    expect(ids(second?.rows ?? [])).toBe('late c')
    now = noon + 26_000
    expect(ids((await nextBatch(shared, second?.end ?? {}))?.rows ?? [])).toBe('d')
  })

  it('is the head of the source, for availableNow', () => {
    const { reportLatestOffset } = source([], { lag: '10 seconds' }, {}, () => noon).stream
    expect(reportLatestOffset?.()).toEqual({ value: iso(-10) })
  })

  it.each(['descending', 'unsorted'] as const)(
    'leaves young rows for later where the API sorts otherwise (%s)',
    async (sorted) => {
      const rows = [row(0, 'a'), row(5, 'b'), row(10, 'c')]
      let now = noon + 20_000
      const shared = source(rows, { lag: '10 seconds', sorted }, { order: (a, b) => byTime(b, a) }, () => now)
      const first = await nextBatch(shared, {})
      expect(ids(first?.rows ?? [])).toBe('a b')
      now += 1
      expect(ids((await nextBatch(shared, first?.end ?? {}))?.rows ?? [])).toBe('c')
    },
  )

  it('does not cut a replay, also when the clock went back', async () => {
    const rows = [row(0, 'a'), row(5, 'b')]
    const planned = await nextBatch(
      source(rows, { lag: '10 seconds' }, {}, () => noon + 60_000),
      {},
    )
    const back = source(rows, { lag: '10 seconds', until: 'until' }, {}, () => noon - 3_600_000)
    expect(ids(await readRange(back, {}, planned?.end ?? {}))).toBe('a b')
  })
})

describe('lookback', () => {
  it('finds a row that appears late, once', async () => {
    const rows = [row(0, 'a'), row(60, 'b'), row(90, 'c')]
    const shared = source(rows, { lookback: '1 minute' })
    const first = await nextBatch(shared, {})
    expect(first?.end).toEqual({
      value: iso(90),
      since: iso(30),
      seen: { [iso(60)]: { b: true }, [iso(90)]: { c: true } },
    })
    rows.push(row(45, 'late'), row(29, 'too late'))
    const second = await nextBatch(shared, first?.end ?? {})
    expect(ids(second?.rows ?? [])).toBe('late')
    expect(await nextBatch(shared, second?.end ?? {})).toBeUndefined()
    // A process that just started knows it, too.
    expect(await nextBatch(source(rows, { lookback: '1 minute' }), second?.end ?? {})).toBeUndefined()
    expect(ids(await readRange(source(rows, { lookback: '1 minute' }), second?.start ?? {}, second?.end ?? {}))).toBe(
      'late',
    )
  })

  it('loses no row of a replayed batch when another one moves on, and the API does not sort', async () => {
    const rows = [row(5, 'a'), row(9, 'b'), row(7, 'c')]
    const unordered = () => source(rows, { lookback: '1 minute' }, { order: () => 0 })
    const planned = await nextBatch(unordered(), {})
    rows[0] = row(20, 'a')
    expect(ids(await readRange(unordered(), {}, planned?.end ?? {}))).toBe('c b')
    const next = await nextBatch(unordered(), planned?.end ?? {})
    expect(ids(next?.rows ?? [])).toBe('a')
  })

  it('never forgets a row it may see again when it gets longer', async () => {
    const rows = [row(0, 'a'), row(60, 'b'), row(90, 'c')]
    const first = await nextBatch(source(rows, { lookback: '1 minute' }), {})
    expect(await nextBatch(source(rows, { lookback: '1 hour' }), first?.end ?? {})).toBeUndefined()
    expect(await nextBatch(source(rows), first?.end ?? {})).toBeUndefined()
    rows.push(row(91, 'd'))
    const longer = source(rows, { lookback: '1 hour' })
    const second = await nextBatch(longer, first?.end ?? {})
    expect(ids(second?.rows ?? [])).toBe('d')
    expect(await nextBatch(longer, second?.end ?? {})).toBeUndefined()
  })

  it('counts integers by their own unit', async () => {
    const version = schema('id int not null, version bigint not null')
    const rows = [10n, 12n, 13n].map((version) => ({ id: Number(version), version }))
    const shared = tableCursor(
      version,
      { field: 'version', key: 'id', param: 'after', lookback: 5 },
      {
        rows,
        where: (row, { after }) => after === undefined || row.version > BigInt(String(after)),
        order: (a, b) => Number(a.version - b.version),
      },
    )
    const first = await nextBatch(shared, {})
    rows.push({ id: 11, version: 11n })
    expect((await nextBatch(shared, first?.end ?? {}))?.rows).toEqual([{ id: 11, version: 11n }])
    expect(shared.asked.at(-1)).toEqual({ after: 7, page: 1 })
  })

  it('reads every row once, however rows arrive within it', async () => {
    // Row n arrives at step `arrives`, with a time at most 5 s before the greatest that is there.
    const arrivals = fc.array(fc.record({ back: fc.nat(5), step: fc.nat(3) }), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        arrivals,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        async (plan, maxRows, pageSize) => {
          const rows: Event[] = []
          const read: Event[] = []
          let head = 0
          let at: CursorOffset = {}
          const now = () => noon + head * 1_000 + 1
          let shared = source(rows, { lookback: '5 seconds' }, { pageSize }, now)
          for (const [n, { back, step }] of plan.entries()) {
            // Within the window, also by what was read so far.
            head += step
            rows.push(row(Math.max(0, head - back), `${n}`))
            if (n % 3 === 2) {
              const batch = await nextBatch(shared, at, maxRows)
              if (batch !== undefined) {
                read.push(...batch.rows)
                at = batch.end
              }
            }
            if (n % 7 === 6) shared = source(rows, { lookback: '5 seconds' }, { pageSize }, now)
          }
          const rest = await allBatches(shared, at, maxRows)
          read.push(...rest.flatMap(({ rows }) => rows))
          const started = source(rows, { lookback: '5 seconds' }, { pageSize }, now)
          expect(await nextBatch(started, rest.at(-1)?.end ?? at)).toBeUndefined()
          expect(read.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(rows.map((_, n) => n))
        },
      ),
      { numRuns: 400 },
    )
  })

  it('is not outrun by a run that stays open while rows arrive', async () => {
    let now = noon + 20_500
    const rows = [row(0, 'a'), row(10, 'b'), row(18, 'c'), row(20, 'd')]
    const shared = source(rows, { lookback: '5 seconds' }, {}, () => now)
    const first = await nextBatch(shared, {}, 3)
    // Late by four seconds, behind what was read; what comes after it is further away than that.
    rows.push(row(16, 'late'), row(40, 'e'))
    now += 20_000
    const second = await allBatches(shared, first?.end ?? {}, 3)
    expect(
      ids([...(first?.rows ?? []), ...second.flatMap((batch) => batch.rows)])
        .split(' ')
        .toSorted(),
    ).toEqual(['a', 'b', 'c', 'd', 'e', 'late'])
  })
})

describe('a row that is dated in the future', () => {
  it.each(['ascending', 'descending', 'unsorted'] as const)(
    'waits for its time, and does not silence the source (%s)',
    async (sorted) => {
      const sign = sorted === 'descending' ? -1 : 1
      let now = noon + 10_000
      const rows = [row(0, 'a'), row(86_400, 'tomorrow'), row(5, 'b')]
      const shared = source(
        rows,
        { sorted, lookback: '1 second' },
        { order: (a, b) => (sorted === 'unsorted' ? 0 : sign * byTime(a, b)) },
        () => now,
      )
      const first = await nextBatch(shared, {})
      expect(ids(first?.rows ?? [])).toBe('a b')
      now += 10_000
      rows.push(row(15, 'c'))
      const second = await nextBatch(shared, first?.end ?? {})
      expect(ids(second?.rows ?? [])).toBe('c')
      now += 86_400_000
      expect(ids((await nextBatch(shared, second?.end ?? {}))?.rows ?? [])).toBe('tomorrow')
    },
  )

  it.each(['ascending', 'descending'] as const)(
    'is part of a batch, after which nothing comes (%s)',
    async (sorted) => {
      const rows = [row(0, 'a'), row(86_400, 'tomorrow')].sort(
        (a, b) => (sorted === 'descending' ? -1 : 1) * byTime(a, b),
      )
      const read = async (options: Partial<CursorOptions<Event>>) => {
        const shared = source(rows, { sorted, ...options }, { order: () => 0 }, () => noon + 10_000)
        const found: Event[] = []
        for (const partition of shared.all()) {
          for await (const chunk of shared.read(partition, new AbortController().signal)) found.push(...chunk)
        }
        return found.map(({ id }) => id).toSorted()
      }
      expect(await read({})).toEqual(['a', 'tomorrow'])
      expect(await read({ lag: '1 second' })).toEqual(['a'])
    },
  )
})

describe('an API that sorts otherwise', () => {
  const rows = Array.from({ length: 7 }, (_, n) => row(Math.floor(n / 2), `${n}`))

  it('newest first: a run ends before the oldest is known, and each row is fetched once', async () => {
    const shared = source(rows, { sorted: 'descending' }, { order: (a, b) => byTime(b, a) })
    const batches = await allBatches(shared, {}, 3)
    expect(batches.map(({ rows }) => ids(rows))).toEqual(['0 1 2', '3 4 5', '6'])
    expect(shared.asked.filter(({ since }) => since === undefined)).toHaveLength(4)
  })

  it('newest first without a parameter: it is read back to the position', async () => {
    const many = Array.from({ length: 20 }, (_, n) => row(n, `${n}`))
    const newestFirst: CursorOptions<Event> = { field: 'at', key: 'id', sorted: 'descending' }
    const shared = tableCursor(event, newestFirst, { rows: many, order: (a, b) => byTime(b, a) })
    const first = await nextBatch(shared, {})
    many.push(row(20, '20'), row(21, '21'))
    const before = shared.asked.length
    const second = await nextBatch(shared, first?.end ?? {})
    expect(ids(second?.rows ?? [])).toBe('20 21')
    expect(shared.asked.length - before).toBe(2)
  })

  it('not at all', async () => {
    const shuffled = [5, 1, 6, 0, 3, 2, 4].map((n) => rows[n] as Event)
    const batches = await allBatches(
      source(shuffled, { sorted: 'unsorted', lag: '1 second' }, { order: () => 0 }),
      {},
      3,
    )
    // Of rows that tie any comes first.
    expect(batches.map(({ rows }) => rows.length)).toEqual([3, 3, 1])
    expect(ids(batches.flatMap(({ rows }) => rows).toSorted((a, b) => Number(a.id) - Number(b.id)))).toBe(
      '0 1 2 3 4 5 6',
    )
  })

  it.each(['descending', 'unsorted'] as const)(
    'holds a bounded number of rows (%s), and asks for the others again',
    async (sorted) => {
      const many = Array.from({ length: 50 }, (_, n) => row(Math.floor(n / 2), `${n}`)).reverse()
      const options = { sorted, maxHeld: 10, lag: '1 second' } as const
      const shared = source(many, options, { pageSize: 7, order: () => 0 })
      const read = (await allBatches(shared, {}, 6)).flatMap(({ rows }) => rows)
      expect(read).toEqual(many.toSorted((a, b) => byTime(a, b) || (a.id < b.id ? -1 : 1)))
      expect(shared.asked.length).toBeGreaterThan(8)
      const again = source(many, options, { pageSize: 7, order: () => 0 })
      expect((await nextBatch(again, {}, Infinity))?.rows).toHaveLength(50)
    },
  )

  it('not at all: a row that changes behind the reader comes later', async () => {
    let now = noon + 10_500
    const rows = Array.from({ length: 8 }, (_, n) => row(n, `${n}`))
    const shared = source(
      rows,
      { sorted: 'unsorted', lag: 1 },
      {
        order: () => 0,
        onRequest: (count) => {
          // 0 was read, 7 is still to come; then 7 changes after 0 did.
          if (count === 3) [rows[0], rows[7], now] = [row(11, '0'), row(12, '7'), noon + 13_000]
        },
      },
      () => now,
    )
    const batches = await allBatches(shared, {})
    const read = batches.flatMap((batch) => batch.rows)
    for (const one of rows) expect(read).toContainEqual(one)
  })

  it('not at all is refused where such a row would be lost', () => {
    const version = schema('id int not null, version int not null, name string not null')
    const make = (options: Partial<CursorOptions<RowOf<typeof version>>>) => () =>
      tableCursor(version, { field: 'version', key: 'id', sorted: 'unsorted', ...options }, { rows: [] })
    expect(() => source([], { sorted: 'unsorted' })).toThrow(OptionError)
    expect(() => source([], { sorted: 'unsorted', lag: 0 })).toThrow('give "lag" or "until"')
    for (const options of [{ lag: 1 }, { until: 'until' }, { lookback: 1 }])
      expect(() => source([], { sorted: 'unsorted', ...options })).not.toThrow()
    expect(make({})).toThrow('give "lookback" (an integer has it')
    expect(make({ lookback: 5 })).not.toThrow()
    expect(make({ field: 'name' })).toThrow(OptionError)
  })

  it('without a parameter, however many rows are old', async () => {
    const many = Array.from({ length: 30 }, (_, n) => row(n, `${n}`))
    const any: CursorOptions<Event> = { field: 'at', key: 'id', sorted: 'unsorted', maxHeld: 5, lag: 1_000 }
    const shared = tableCursor(event, any, { rows: many })
    const first = (await allBatches(shared, {}, 5)).at(-1)?.end ?? {}
    many.push(row(30, '30'))
    expect(ids((await nextBatch(shared, first))?.rows ?? [])).toBe('30')
  })

  it('is an error where it is said to sort', async () => {
    const shared = source(rows, {}, { order: (a, b) => byTime(b, a) })
    await expect(nextBatch(shared, {})).rejects.toThrow(PortError)
    await expect(nextBatch(source(rows, {}, { order: (a, b) => byTime(b, a) }), {})).rejects.toThrow(
      `cursor: rows must be ascending by at, and ${iso(2)} comes after ${iso(3)}: it would be taken for read. Let the API sort them, or say option "sorted"`,
    )
    await expect(nextBatch(source(rows, { sorted: 'descending' }), {})).rejects.toThrow('rows must be descending by at')
  })

  it('is an error also where it shows after rows that are fine, and is not forgotten by asking again', async () => {
    // Sorted within each page only.
    const pages = [row(1, 'a'), row(5, 'b'), row(3, 'c'), row(9, 'd')]
    const shared = source(pages, {}, { order: () => 0 })
    await expect(nextBatch(shared, {})).rejects.toThrow(
      `rows must be ascending by at, and ${iso(3)} comes after ${iso(5)}`,
    )
    const inWindow = source(pages, { lookback: '2 seconds' }, { order: () => 0 })
    expect(ids((await nextBatch(inWindow, {}))?.rows ?? [])).toBe('a c b d')
  })

  it.each(['ascending', 'descending'] as const)(
    '%s: gives each row once when rows move while they are read',
    async (sorted) => {
      const sign = sorted === 'ascending' ? 1 : -1
      const moving = Array.from({ length: 6 }, (_, n) => row(n, `${n}`))
      const added = sorted === 'ascending' ? [row(-2, 'x'), row(-1, 'y')] : [row(6, 'x'), row(7, 'y')]
      const shared = source(
        moving,
        { sorted },
        {
          pageSize: 3,
          order: (a, b) => sign * byTime(a, b),
          // New rows push the others on by two: the end of the first page comes again, in front of the second.
          onRequest: (count) => {
            if (count === 2) moving.push(...added)
          },
        },
      )
      const batches = await allBatches(shared, {})
      // What is older than what was read when it appeared needs a look-back.
      expect(batches.map(({ rows }) => ids(rows))).toEqual(
        sorted === 'ascending' ? ['0 1 2 3 4 5'] : ['0 1 2 3 4 5', 'x y'],
      )
    },
  )
})

describe('a key that several rows of one value share', () => {
  const reading = schema('station string not null, at timestamp not null, size int not null')
  const rows = [1, 2, 3].map((size) => ({ station: 'oslo', at: new Date(noon), size }))
  const make = (sorted: 'ascending' | 'descending' | 'unsorted', pageSize: number, key: 'station' | 'size') =>
    tableCursor(reading, { field: 'at', key, sorted, lag: 1 }, { rows, pageSize })

  it.each(['ascending', 'descending', 'unsorted'] as const)(
    'is an error: all but one would be taken for read (%s)',
    async (sorted) => {
      await expect(nextBatch(make(sorted, 2, 'station'), {})).rejects.toThrow(
        `cursor: two rows that differ have the at ${iso(0)} and the key "oslo", and one of them would be taken for the other; option "key" must name what tells rows of one at apart`,
      )
      expect((await nextBatch(make(sorted, 2, 'size'), {}))?.rows).toHaveLength(3)
    },
  )

  it.each(['ascending', 'unsorted'] as const)('is looked for in pages of many rows (%s)', async (sorted) => {
    // A look-back sees all of them again: each has to be held against the page without going through it.
    const many = Array.from({ length: 30_000 }, (_, n) => ({ station: `${n}`, at: new Date(noon + (n % 3)), size: n }))
    const table = { rows: many, order: (a: (typeof many)[0], b: (typeof many)[0]) => Number(a.at) - Number(b.at) }
    const options = { field: 'at', key: 'station', sorted, lookback: '1 second' } as const
    const shared = tableCursor(reading, options, { ...table, pageSize: many.length })
    const first = await nextBatch(shared, {}, Infinity)
    expect(await nextBatch(shared, first?.end ?? {})).toBeUndefined()
  })

  it('is none where a page repeats the end of the one before, and a row has changed since', async () => {
    const changing = [1, 2, 3].map((size) => ({ station: `${size}`, at: new Date(noon), size }))
    const table = {
      rows: changing,
      onRequest: (count: number) => {
        // One that is new pushes the second on to the next page.
        if (count === 2)
          changing.splice(0, 2, { station: 'new', at: new Date(noon), size: 0 }, ...changing.slice(0, 1), {
            station: '2',
            at: new Date(noon),
            size: 20,
          })
      },
    }
    const batch = await nextBatch(tableCursor(reading, { field: 'at', key: 'station' }, table), {})
    expect(batch?.rows.map(({ station }) => station)).toEqual(['1', '2', '3'])
  })
})

describe('a capped API', () => {
  it('is asked on from the last value', async () => {
    const rows = Array.from({ length: 23 }, (_, n) => row(Math.floor(n / 3), `${n}`))
    const shared = source(rows, { cap: 10 }, { pageSize: 5, cap: 10 })
    const batches = await allBatches(shared, {}, 8)
    expect(
      batches
        .flatMap(({ rows }) => rows)
        .map(({ id }) => Number(id))
        .sort((a, b) => a - b),
    ).toEqual(rows.map((_, n) => n))
    expect(shared.asked.map(({ page }) => page)).not.toContain(2)
  })

  it('is not asked for a page that might lie beyond', async () => {
    const rows = Array.from({ length: 12 }, (_, n) => row(n, `${n}`))
    const shared = source(rows, { cap: 10 }, { pageSize: 4, cap: 10 })
    expect(ids((await nextBatch(shared, {}))?.rows ?? []).split(' ')).toHaveLength(12)
    expect(shared.asked.slice(0, 4)).toEqual([
      { page: 0 },
      { page: 1 },
      { since: iso(6.999), page: 0 },
      { since: iso(6.999), page: 1 },
    ])
    // Not even ahead.
    expect(new Set(shared.ahead)).toEqual(new Set([0]))
  })

  it('that can not be narrowed is an error: rows would be lost', async () => {
    const tied = Array.from({ length: 10 }, (_, n) => row(0, `${n}`))
    await expect(nextBatch(source(tied, { cap: 6 }, { cap: 6 }), {})).rejects.toThrow(
      `table: the API gives 6 rows to a query, and so many share the at ${iso(0)} (or its granule); narrow the source with partitions`,
    )
  })

  it('reads every row once, whatever the cap, the pages and the batches', async () => {
    const times = fc.array(fc.nat(20), { maxLength: 40 })
    const sizes = fc.record({ pageSize: fc.integer({ min: 1, max: 6 }), maxRows: fc.integer({ min: 1, max: 9 }) })
    await fc.assert(
      fc.asyncProperty(times, sizes, fc.integer({ min: 0, max: 10 }), async (values, { pageSize, maxRows }, more) => {
        const rows = values.map((value, n) => row(value, `${n}`))
        const ties = Math.max(0, ...values.map((value) => values.filter((other) => other === value).length))
        // A page beyond the ties makes progress certain.
        const cap = ties + pageSize + more + 1
        const read = (await allBatches(source(rows, { cap }, { pageSize, cap }), {}, maxRows)).flatMap(
          ({ rows }) => rows,
        )
        expect(read.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(values.map((_, n) => n))
        expect(read.every((one, n) => n === 0 || byTime(read[n - 1] as Event, one) <= 0)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('pages that move when rows do', () => {
  /** Each request comes with a change: a row that was read leaves its place for the end. */
  const moving = (options: Partial<CursorOptions<Event>>, paging: string) => {
    const rows = Array.from({ length: 12 }, (_, n) => row(n, `${n}`))
    let last = 100
    const shared = source(rows, options, {
      paging,
      pageSize: 3,
      onRequest: (count) => {
        if (count > 1 && count < 6) rows[count - 2] = row(last++, `${count - 2}`)
      },
    })
    return { rows, shared }
  }
  const read = async (options: Partial<CursorOptions<Event>>, paging: string) => {
    const { rows, shared } = moving(options, paging)
    const batches = await allBatches(shared, {}, 5)
    return { rows, shared, read: batches.flatMap((batch) => batch.rows) }
  }

  it.each(['offset', 'page', 'automatic'])(
    'by %s: every page is asked for by value, and no row slips through',
    async (paging) => {
      const { rows, shared, read: found } = await read({}, paging)
      for (const one of rows) expect(found).toContainEqual(one)
      expect(new Set(found.map(({ id, at }) => `${id} ${Number(at)}`)).size).toBe(found.length)
      expect(new Set(shared.ahead)).toEqual(new Set([0]))
    },
  )

  it('slip through where that is switched off', async () => {
    const { rows, read: found } = await read({ cap: Infinity }, 'offset')
    expect(rows.filter((one) => !found.some(({ id }) => id === one.id)).length).toBeGreaterThan(0)
  })

  it('are gone through where many rows share a value', async () => {
    const tied = Array.from({ length: 20 }, (_, n) => row(Math.floor(n / 8), `${n}`))
    const found = await allBatches(source(tied, {}, { paging: 'offset', pageSize: 3 }), {}, 7)
    expect(
      found
        .flatMap((batch) => batch.rows)
        .map(({ id }) => Number(id))
        .sort((a, b) => a - b),
    ).toEqual(tied.map((_, n) => n))
  })

  describe.each(['offset', 'page', 'automatic'])('by %s, where rows of one value fill several pages', (paging) => {
    const read = async (change: (rows: Event[], count: number) => void, length = 20) => {
      const rows = Array.from({ length }, (_, n) => row(n < length - 2 ? 0 : 1, `${n}`))
      const shared = source(rows, {}, { paging, pageSize: 3, onRequest: (count) => change(rows, count) })
      const found = (await allBatches(shared, {}, 5)).flatMap((batch) => batch.rows)
      return { rows, found, shared }
    }

    it.each([1, 2, 5])('no row slips through when %i leave at once', async (leave) => {
      for (let when = 2; when < 12; when++) {
        let last = 10
        const { rows, found } = await read((rows, count) => {
          // The first ones, which were read.
          if (count === when) for (let n = 0; n < leave; n++) rows.push(row(last++, rows.shift()?.id ?? ''))
        })
        for (const one of rows) expect(found).toContainEqual(one)
        expect(new Set(found.map(({ id, at }) => `${id} ${Number(at)}`)).size).toBe(found.length)
      }
    })

    it('nor when rows are removed, and others arrive', async () => {
      for (let when = 2; when < 12; when++) {
        const { rows, found } = await read((rows, count) => {
          if (count >= when && count < when + 3) rows.shift()
          if (count === when + 1) rows.push(row(2, 'x'), row(2, 'y'))
        })
        for (const one of rows) expect(found).toContainEqual(one)
      }
    })

    it('is an error when they leave all the time', async () => {
      let next = 100
      const endless = read((rows) => {
        rows.splice(0, 3)
        for (let n = 0; n < 3; n++) rows.unshift(row(0, `${next++}`))
      })
      await expect(endless).rejects.toThrow('table: rows leave the pages faster than these are read')
    })
  })

  it('are asked for once each, and no more after the last one', async () => {
    const rows = Array.from({ length: 5 }, (_, n) => row(n, `${n}`))
    const shared = source(rows, { inclusive: true }, { paging: 'offset', pageSize: 3 })
    expect(ids((await nextBatch(shared, {}))?.rows ?? [])).toBe('0 1 2 3 4')
    expect(shared.asked).toEqual([{ page: 0 }, { since: iso(2), page: 0 }])
  })

  it('are read as they are where the API takes no value', async () => {
    const rows = Array.from({ length: 5 }, (_, n) => row(n, `${n}`))
    const shared = tableCursor(event, { field: 'at', key: 'id' }, { rows, paging: 'offset' })
    expect(ids((await nextBatch(shared, {}))?.rows ?? [])).toBe('0 1 2 3 4')
    // Each begins with the last row of the one before.
    expect(shared.asked.map(({ page }) => page)).toEqual([0, 0.5, 1, 1.5])
  })
})

describe('an API with other habits', () => {
  const rows = Array.from({ length: 9 }, (_, n) => row(n / 4, `${n}`))
  const parse = (text: unknown): number => (text === undefined ? -Infinity : Date.parse(String(text)))
  const floor = (ms: number, tick: number): number => Math.floor(ms / tick) * tick

  it.each<[string, Partial<CursorOptions<Event>>, (at: number, since: number) => boolean, string]>([
    ['at least', { inclusive: true }, (at, since) => at >= since, '2026-01-01T12:00:01.000Z'],
    ['more than', { inclusive: false }, (at, since) => at > since, '2026-01-01T12:00:00.999Z'],
    ['either', {}, (at, since) => at > since, '2026-01-01T12:00:00.999Z'],
    [
      'more than, in whole seconds of the rows',
      { granularity: '1 second' },
      (at, since) => floor(at, 1_000) > since,
      '2026-01-01T12:00:00Z',
    ],
    [
      'at least, in whole minutes',
      { granularity: '1 minute', inclusive: true },
      (at, since) => floor(at, 60_000) >= since,
      '2026-01-01T12:00:00Z',
    ],
    ['in whole days', { granularity: '1 day' }, (at, since) => floor(at, 86_400_000) > since, '2025-12-31'],
  ])('%s', async (_name, options, reads, asked) => {
    const where = ({ at }: Event, { since }: Readonly<Record<string, unknown>>): boolean =>
      reads(Number(at), parse(since))
    let at: CursorOffset = {}
    const read: Event[] = []
    // Every batch by a process that just started, so that each asks for itself.
    for (let batch = 0; batch < 20; batch++) {
      const shared = source(rows, options, { where })
      const next = await nextBatch(shared, at, 2)
      if (next === undefined) break
      read.push(...next.rows)
      at = next.end
      // Rows up to 1 s were read.
      if (read.length === 6) {
        const after = source(rows, options, { where })
        await nextBatch(after, { value: iso(1), seen: { [iso(1)]: { '4': true } } })
        expect(after.asked[0]).toEqual({ since: asked, page: 0 })
      }
    }
    expect(ids(read)).toBe('0 1 2 3 4 5 6 7 8')
  })

  it.each<[string, Partial<CursorOptions<Event>>, string | number]>([
    ['seconds since 1970', { format: 'seconds' }, noon / 1_000],
    ['milliseconds since 1970', { format: 'milliseconds' }, noon + 999],
    [
      'a function',
      { format: (text) => text.slice(0, 19).replace('T', ' '), granularity: '1 second' },
      '2026-01-01 12:00:00',
    ],
  ])('%s', async (_name, options, asked) => {
    const shared = source([], options)
    await nextBatch(shared, { value: iso(1) })
    expect(shared.asked).toEqual([{ since: asked, page: 0 }])
  })

  describe('in local time, also in the hour that comes twice', () => {
    // On 25 October 2026 clocks in Berlin go from 03:00 back to 02:00, at 01:00 UTC.
    const start = Date.UTC(2026, 9, 24, 23)
    const back = Date.UTC(2026, 9, 25, 1)
    const wallOf = (ms: number): number => ms + (ms < back ? 2 : 1) * 3_600_000
    const berlin = zoneOf('Europe/Berlin')
    // A row each ten minutes, for four hours. The API knows wall times only, in its rows and in its parameter, and means by one that comes twice:
    const happened = Array.from({ length: 24 }, (_, n) => start + n * 600_000)
    const shownBy = (n: number): Event => ({ id: `${n}`, at: new Date(berlin.instant(wallOf(happened[n] ?? 0))) })
    const timeOf = ({ id }: Event): number => happened[Number(id)] ?? 0
    const meant = {
      first: (wall: number) => berlin.instant(wall),
      second: (wall: number) => (wallOf(wall - 3_600_000) === wall ? wall - 3_600_000 : wall - 7_200_000),
    }

    it.each([
      ['the first', true],
      ['the first', undefined],
      ['the second', true],
      ['the second', undefined],
      ['either', true],
      ['either', undefined],
    ] as const)('%s (inclusive: %s)', async (which, inclusive) => {
      const rows: Event[] = []
      const read: string[] = []
      const options: CursorOptions<Event> = { ...cursor, granularity: '1 minute', ...(inclusive && { inclusive }) }
      const make = () =>
        tableCursor(
          event,
          options,
          {
            rows,
            pageSize: 5,
            order: (a, b) => timeOf(a) - timeOf(b),
            where: (one, { since }) => {
              if (since === undefined) return true
              const wall = Date.parse(`${since}Z`)
              if (which === 'either') return wallOf(timeOf(one)) >= wall
              return timeOf(one) >= (which === 'the first' ? meant.first(wall) : meant.second(wall))
            },
          },
          { timeZone: 'Europe/Berlin' },
        )
      const batches: { readonly start: CursorOffset; readonly end: CursorOffset; readonly rows: readonly Event[] }[] =
        []
      let at: CursorOffset = {}
      for (let n = 0; n < happened.length; n += 2) {
        rows.push(shownBy(n), shownBy(n + 1))
        for (const batch of await allBatches(make(), at, 3)) {
          batches.push(batch)
          read.push(...batch.rows.map(({ id }) => id))
          at = batch.end
        }
      }
      expect(read.toSorted((a, b) => Number(a) - Number(b))).toEqual(happened.map((_, n) => `${n}`))
      expect(Object.keys(at.seen ?? {})).toHaveLength(1)
      for (const { start, end, rows } of batches) expect(await readRange(make(), start, end)).toEqual(rows)
    })

    it('is in order there', async () => {
      const rows = happened.map((_, n) => shownBy(n))
      const read = (sorted: 'ascending' | 'descending') => {
        const sign = sorted === 'ascending' ? 1 : -1
        const order = (a: Event, b: Event): number => sign * (timeOf(a) - timeOf(b))
        return nextBatch(
          tableCursor(
            event,
            { field: 'at', key: 'id', sorted },
            { rows, order, pageSize: 50 },
            { timeZone: 'Europe/Berlin' },
          ),
          {},
        )
      }
      expect((await read('ascending'))?.rows).toHaveLength(24)
      expect((await read('descending'))?.rows).toHaveLength(24)
    })
  })

  describe('in local time, also around the hour that is skipped', () => {
    // On 29 March 2026 clocks in Berlin go from 02:00 on to 03:00, at 01:00 UTC.
    const forward = Date.UTC(2026, 2, 29, 1)
    const wallOf = (ms: number): number => ms + (ms < forward ? 1 : 2) * 3_600_000
    const isSkipped = (wall: number): boolean => wall >= forward + 3_600_000 && wall < forward + 7_200_000
    const berlin = zoneOf('Europe/Berlin')
    // What an API makes of a wall time in its parameter; one that is skipped it takes for:
    const meant: Readonly<Record<string, (wall: number) => number>> = {
      'a later one': (wall) => wall - (wall < forward + 7_200_000 ? 1 : 2) * 3_600_000,
      'an earlier one': (wall) => wall - (wall < forward + 3_600_000 ? 1 : 2) * 3_600_000,
      nothing: (wall) => {
        if (isSkipped(wall)) throw new Error('no such time')
        return wall - (wall < forward + 7_200_000 ? 1 : 2) * 3_600_000
      },
    }

    it.each(
      Object.keys(meant).flatMap((which) =>
        (['1 millisecond', '1 minute', '1 hour', '7 minutes'] as const).flatMap((granularity) =>
          [true, undefined].map((inclusive) => [which, granularity, inclusive] as const),
        ),
      ),
    )('%s, in steps of %s (inclusive: %s)', async (which, granularity, inclusive) => {
      // A row each ten minutes, for five hours; the sixth shares its time with the one that is the first after the gap.
      const happened = Array.from({ length: 30 }, (_, n) => forward - 7_200_000 + n * 600_000)
      const rows: Event[] = []
      const read: string[] = []
      const options: CursorOptions<Event> = { ...cursor, granularity, ...(inclusive && { inclusive }) }
      const least = (since: unknown): number => (meant[which] as (wall: number) => number)(Date.parse(`${since}Z`))
      const make = () =>
        tableCursor(
          event,
          options,
          {
            rows,
            pageSize: 5,
            order: byTime,
            where: ({ at }, { since }) =>
              since === undefined || (inclusive === true ? Number(at) >= least(since) : Number(at) > least(since)),
          },
          { timeZone: 'Europe/Berlin' },
        )
      let at: CursorOffset = {}
      for (const [n, ms] of happened.entries()) {
        const shown = new Date(berlin.instant(wallOf(ms)))
        expect(Number(shown)).toBe(ms)
        rows.push({ id: `${n}`, at: shown })
        for (const batch of await allBatches(make(), at, 2)) {
          read.push(...batch.rows.map(({ id }) => id))
          at = batch.end
        }
        rows.push({ id: `${n} tied`, at: shown })
      }
      for (const batch of await allBatches(make(), at, 2)) read.push(...batch.rows.map(({ id }) => id))
      expect(read.toSorted()).toEqual(rows.map(({ id }) => id).toSorted())
    })

    it('with rows that an API dates within it', async () => {
      // It knows nothing of zones: times go from 01:50 over 02:30 to 03:10, and it compares them as texts.
      const walls = ['01:50', '02:10', '02:30', '02:50', '03:00', '03:10', '03:30', '04:10']
      const rows: Event[] = []
      const read: string[] = []
      let at: CursorOffset = {}
      const textOf = ({ id }: Event): string => `2026-03-29T${id}:00`
      for (const wall of walls) {
        rows.push({ id: wall, at: new Date(berlin.instant(Date.parse(`2026-03-29T${wall}:00Z`))) })
        const shared = tableCursor(
          event,
          { ...cursor, granularity: '1 second' },
          { rows, where: (row, { since }) => since === undefined || textOf(row) > String(since) },
          { timeZone: 'Europe/Berlin' },
        )
        for (const batch of await allBatches(shared, at, 2)) {
          read.push(...batch.rows.map(({ id }) => id))
          at = batch.end
        }
      }
      expect(read).toEqual(walls)
    })
  })

  it('is told of an API that does not know the parameter', async () => {
    const ignorant = source(rows, {}, { where: () => true })
    await expect(nextBatch(ignorant, { value: iso(1) })).rejects.toThrow(
      'cursor: rows from 2026-01-01T12:00:00.999Z on were asked for, and one has the at 2026-01-01T12:00:00.000Z; does the API know the parameter',
    )
  })

  it('takes the value wherever the API wants it', async () => {
    const shared = source(
      rows,
      {
        param: (value, request) => ({ ...request, params: { jql: `updated >= "${value}" ORDER BY updated` } }),
      },
      { where: () => true },
    )
    await nextBatch(shared, { value: iso(0), seen: { [iso(0)]: { '0': true } } })
    expect(shared.asked[0]).toEqual({ jql: 'updated >= "2026-01-01T11:59:59.999Z" ORDER BY updated', page: 0 })
  })
})

describe('other cursors', () => {
  it('integers, also beyond 2^53', async () => {
    const version = schema('id int not null, version bigint not null')
    const rows = [1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 60n].map((version, id) => ({ id, version }))
    const shared = () =>
      tableCursor(
        version,
        { field: 'version', key: 'id', param: 'after', inclusive: false },
        {
          rows,
          where: (row, { after }) => after === undefined || row.version > BigInt(String(after)),
        },
      )
    const ends: CursorOffset[] = []
    let at: CursorOffset = {}
    for (;;) {
      const batch = await nextBatch(shared(), at, 1)
      if (batch === undefined) break
      at = batch.end
      ends.push(at)
    }
    expect(ends.map(({ value }) => value)).toEqual([1, 2 ** 53 - 1, '9007199254740992', '1152921504606846976'])
    const last = shared()
    await nextBatch(last, at)
    expect(last.asked).toEqual([{ after: '1152921504606846975', page: 0 }])
  })

  it('texts, by code unit', async () => {
    const letter = schema('id string not null')
    const rows = ['A', 'Z', 'a', 'b', 'é'].map((id) => ({ id }))
    const shared = () =>
      tableCursor(
        letter,
        { field: 'id', key: 'id', param: 'from' },
        {
          rows,
          where: ({ id }, { from }) => from === undefined || id >= String(from),
        },
      )
    const batches = []
    for (let at: CursorOffset = {}; ; ) {
      const batch = await nextBatch(shared(), at, 2)
      if (batch === undefined) break
      batches.push(batch.rows.map(({ id }) => id).join(''))
      at = batch.end
    }
    expect(batches).toEqual(['AZ', 'ab', 'é'])
  })

  it('with several columns as the key', async () => {
    const reading = schema('station string not null, no int not null, at timestamp not null')
    const rows = [
      { station: 'a', no: 1, at: new Date(noon) },
      { station: 'a', no: 2, at: new Date(noon) },
      { station: 'b', no: 1, at: new Date(noon) },
    ]
    const shared = tableCursor(reading, { field: 'at', key: ['station', 'no'] }, { rows })
    const first = await nextBatch(shared, {}, 2)
    const second = await nextBatch(shared, first?.end ?? {}, 2)
    expect([...(first?.rows ?? []), ...(second?.rows ?? [])]).toEqual(rows)
    expect(await nextBatch(shared, second?.end ?? {}, 2)).toBeUndefined()
  })
})

describe('where a query begins', () => {
  const rows = [row(0, 'a'), row(1, 'b'), row(2, 'c')]

  it.each<[CursorOptions<Event>['from'], CursorOffset]>([
    [undefined, {}],
    [iso(1), { value: iso(1) }],
    [new Date(noon + 1_000), { value: iso(1) }],
    [noon + 1_000, { value: iso(1) }],
    ['latest', { value: iso(100) }],
  ])('from %o', (from, initial) => {
    const shared = source(rows, from === undefined ? {} : { from }, {}, () => noon + 100_000)
    expect(shared.stream.initialOffset()).toEqual(initial)
  })

  it('reads from there on, and as a batch, too', async () => {
    const shared = source(rows, { from: iso(1) })
    expect(ids((await nextBatch(shared, { value: iso(1) }))?.rows ?? [])).toBe('b c')
    expect(ids(await readAll(shared))).toBe('b c')
  })

  it.each(['descending', 'unsorted'] as const)(
    'reads a batch in the order of the API where that is another (%s), once and holding nothing',
    async (sorted) => {
      let now = noon + 2_000
      const order = (a: Event, b: Event): number => byTime(b, a)
      const options = { from: iso(1), lag: 1, sorted, maxHeld: 1 }
      const shared = source([...rows, row(2, 'd'), row(3, 'e')], options, { order }, () => now)
      expect(ids(await readAll(shared))).toBe('b')
      now = noon + 2_002
      expect(ids(await readAll(shared))).toBe('c d b')
      expect(shared.asked.map(({ page }) => page)).toEqual([0, 1, 0, 1])
    },
  )
})

async function readAll(source: ReturnType<typeof tableCursor<Event>>): Promise<readonly Event[]> {
  const read: Event[] = []
  for (const partition of source.all())
    for await (const chunk of source.read(partition, new AbortController().signal)) read.push(...chunk)
  return read
}

describe('mistakes', () => {
  const make = (options: object) => () => source([], options as never)

  it.each<[object, string]>([
    [{ field: 'time' }, 'cursor: the schema has no column "time"; it has id, at'],
    [{ key: 'ID' }, 'cursor: the schema has no column "ID"'],
    [{ field: 'id', lag: '1 second' }, 'option "lag" needs a cursor that is a time'],
    [{ field: 'id', lookback: 1 }, 'option "lookback" needs a cursor that is a time or an integer'],
    [{ field: 'id', inclusive: false }, 'rows that tie with the last one would be lost'],
    [{ field: 'id', until: 'until' }, 'option "until" needs a cursor that is a time'],
    [{ cap: 10, param: undefined }, 'option "cap" needs "param" and ascending order'],
    [{ cap: 10, sorted: 'descending' }, 'option "cap" needs "param" and ascending order'],
    [{ from: 'yesterday' }, 'option "from" must be "latest", a Date'],
    [{ field: 'id', from: 1 }, 'option "from" must be of the type of the cursor'],
    [{ lag: 'a while' }, 'option "lag" must be'],
    [{ format: 'seconds', granularity: '500 ms' }, 'option "granularity" must be in whole seconds'],
    [{ sorted: 'up' }, 'option "sorted" must be one of'],
    [{ lookBack: 1 }, 'unknown option "lookBack"; did you mean "lookback"?'],
  ])('%o', (options, message) => {
    expect(make(options)).toThrow(OptionError)
    expect(make(options)).toThrow(message)
  })

  it('a column that is no order', () => {
    const float = schema('id int not null, size double not null')
    expect(() => tableCursor(float, { field: 'size', key: 'id' }, { rows: [] })).toThrow(
      'cursor: column "size" can\'t be a cursor: it must be a time, an integer or a text',
    )
  })

  it('a row without a value or a key', async () => {
    const nullable = schema('id string, at timestamp')
    const read = (bad: object) =>
      nextBatch(tableCursor(nullable, { field: 'at', key: 'id' }, { rows: [bad as RowOf<typeof nullable>] }), {})
    await expect(read({ id: 'a', at: null })).rejects.toThrow(
      'column "at" is the cursor, so every row must have a value in it, and one row has null',
    )
    await expect(read({ id: null, at: new Date(noon) })).rejects.toThrow('column "id" tells rows of one time apart')
    await expect(read({ id: 'a', at: 'soon' })).rejects.toThrow('one row has a string')
  })
})
