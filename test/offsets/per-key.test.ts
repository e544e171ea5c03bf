import fc from 'fast-check'
import { firstValueFrom, from, Observable, of, timer, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { OptionError, PortError } from '../../src/errors.ts'
import { sameOffset } from '../../src/offset.ts'
import { perKeyOffset } from '../../src/offsets/per-key.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import { timeOffset } from '../../src/offsets/time.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from '../../src/source.ts'
import { answer } from './answer.ts'

type Offsets = { readonly [key: string]: { readonly offset: number } }
type Partition = { readonly key: string; readonly range: { readonly from: number; readonly to: number } }

const limit = (part: Partial<ReadLimit>): ReadLimit => ({ ...readAllAvailable, ...part })
const offsets = (counts: Readonly<Record<string, number>>): Offsets =>
  Object.fromEntries(Object.entries(counts).map(([key, offset]) => [key, { offset }]))
const counts = (heads: ReadonlyMap<string, number>) =>
  perKeyOffset({
    keys: () => [...heads.keys()],
    inner: sequenceOffset({ head: (key: string) => heads.get(key) as number }),
  })
const table = (heads: Readonly<Record<string, number>>) => counts(new Map(Object.entries(heads)))

describe('perKeyOffset', () => {
  it('completes a reader', () => {
    const reader: StreamReader<Offsets, Partition, { key: string }> = {
      ...table({ berlin: 3, oslo: 5 }),
      *read({ key, range: { from, to } }) {
        yield Array.from({ length: to - from }, () => ({ key }))
      },
    }
    expect(answer(reader.initialOffset())).toEqual(offsets({ berlin: 0, oslo: 0 }))
    expect(reader.partitionKey?.({ key: 'oslo', range: { from: 0, to: 1 } })).toBe('oslo')
  })

  it('moves each key to its own head, and cuts only keys that have something', () => {
    const { latestOffset, partitions } = table({ oslo: 5, berlin: 3, rome: 1 })
    const start = offsets({ oslo: 2, berlin: 3, rome: 0 })
    const end = answer(latestOffset(start, readAllAvailable))
    expect(end).toEqual(offsets({ oslo: 5, berlin: 3, rome: 1 }))
    expect(partitions(start, end)).toEqual([
      { key: 'oslo', range: { from: 2, to: 5 } },
      { key: 'rome', range: { from: 0, to: 1 } },
    ])
    expect(partitions(end, end)).toEqual([])
  })

  it('lets a key that appears later join at its own beginning, and reads it from the next batch on', () => {
    const heads = new Map([['a', 5]])
    const { initialOffset, latestOffset, partitions } = counts(heads)
    const start = answer(initialOffset())
    heads.set('b', 7)
    const first = answer(latestOffset(start, readAllAvailable))
    expect(first).toEqual(offsets({ a: 5, b: 0 }))
    expect(partitions(start, first).map(({ key }) => key)).toEqual(['a'])
    const second = answer(latestOffset(first, readAllAvailable))
    expect(partitions(first, second)).toEqual([{ key: 'b', range: { from: 0, to: 7 } }])
  })

  it('writes down a beginning that is only known at the time: rows that come between the batches are not lost', () => {
    const heads = new Map([['a', 5]])
    const { initialOffset, latestOffset, partitions } = perKeyOffset({
      keys: () => [...heads.keys()],
      inner: sequenceOffset({ from: 'latest', head: (key: string) => heads.get(key) as number }),
    })
    const start = answer(initialOffset())
    heads.set('b', 100)
    const first = answer(latestOffset(start, readAllAvailable))
    heads.set('b', 103)
    expect(partitions(first, answer(latestOffset(first, readAllAvailable)))).toEqual([
      { key: 'b', range: { from: 100, to: 103 } },
    ])
  })

  it('keeps the position of a key that is gone, and goes on from there when it comes back', () => {
    const heads = new Map([
      ['a', 5],
      ['b', 4],
    ])
    const { latestOffset, partitions } = counts(heads)
    const start = offsets({ a: 0, b: 4 })
    heads.delete('b')
    const without = answer(latestOffset(start, readAllAvailable))
    expect(without).toEqual(offsets({ a: 5, b: 4 }))
    heads.set('b', 6)
    const back = answer(latestOffset(without, readAllAvailable))
    expect(partitions(without, back)).toEqual([{ key: 'b', range: { from: 4, to: 6 } }])
  })

  it('answers its start when there are no keys, or none any more', () => {
    expect(answer(table({}).initialOffset())).toEqual({})
    expect(answer(table({}).latestOffset({}, readAllAvailable))).toEqual({})
    expect(answer(table({}).latestOffset(offsets({ a: 1 }), readAllAvailable))).toEqual(offsets({ a: 1 }))
    expect(answer(table({}).distance?.({}, {}) ?? of(-1))).toBe(0)
  })

  it('gives what one key does not need to the others', () => {
    const { latestOffset, distance, distances } = table({ a: 1, b: 100, c: 100, d: 0 })
    const start = offsets({ a: 0, b: 0, c: 0, d: 0 })
    const end = answer(latestOffset(start, limit({ maxRows: 11 })))
    expect(end).toEqual(offsets({ a: 1, b: 5, c: 5, d: 0 }))
    expect(answer(distance?.(start, end) ?? of(-1))).toBe(11)
    const byKey = answer<Readonly<Record<string, number>>>(distances?.(start, end) ?? of({}))
    expect(Object.values(byKey).reduce((a, b) => a + b, 0)).toBe(11)
    expect(answer(latestOffset(end, limit({ maxRows: 11 })))).toEqual(answer(latestOffset(end, limit({ maxRows: 11 }))))
  })

  it('asks for a distance with its key, as it asks for everything', () => {
    const inner = {
      ...sequenceOffset({ head: (_key: string) => 9 }),
      distance: (a: { offset: number }, b: { offset: number }, key: string) =>
        (b.offset - a.offset) / (key === 'b' ? 3 : 1),
    }
    const { distances } = perKeyOffset({ keys: ['a', 'b'], inner })
    const byKey = distances?.(offsets({ a: 0, b: 0 }), offsets({ a: 9, b: 9 }))
    expect(answer<Readonly<Record<string, number>>>(byKey ?? of({}))).toEqual({ a: 9, b: 3 })
  })

  it('leaves out others each time when the limit is smaller than the number of keys', () => {
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`)
    const { latestOffset } = table(Object.fromEntries(keys.map((key) => [key, 1_000_000])))
    let position = offsets(Object.fromEntries(keys.map((key) => [key, 0])))
    for (let batch = 0; batch < 400; batch++) position = answer(latestOffset(position, limit({ maxRows: 1 })))
    for (const key of keys) expect(position[key]?.offset).toBeGreaterThan(0)
  })

  it('shares limits of bytes and files, too, and asks no key for nothing', () => {
    const asked: ReadLimit[] = []
    const inner = {
      ...sequenceOffset({ head: (_key: string) => 100 }),
      latestOffset: (start: { readonly offset: number }, part: ReadLimit) => {
        asked.push(part)
        return { offset: start.offset + Math.min(part.maxFiles, 10) }
      },
    }
    const { latestOffset } = perKeyOffset({ keys: ['a', 'b', 'c'], inner })
    const end = answer(latestOffset(offsets({ a: 0, b: 0, c: 0 }), limit({ maxFiles: 2, maxBytes: 9 })))
    expect(
      Object.values(end)
        .map(({ offset }) => offset)
        .toSorted(),
    ).toEqual([0, 1, 1])
    expect(asked.slice(3)).toEqual([
      { maxRows: Infinity, maxBytes: 3, maxFiles: 1 },
      { maxRows: Infinity, maxBytes: 3, maxFiles: 1 },
    ])
  })

  it('asks each key once when the limit is enough', () => {
    const asked: string[] = []
    const inner = sequenceOffset({
      head: (key: string) => {
        asked.push(key)
        return 5
      },
    })
    const { latestOffset } = perKeyOffset({ keys: ['b', 'a'], inner })
    answer(latestOffset(offsets({ a: 0, b: 3 }), limit({ maxRows: 100 })))
    expect(asked).toEqual(['a', 'b'])
  })

  it('has no distance where the inner positions have none', () => {
    const inner = timeOffset({ from: 0, safetyLag: 0, head: (key: string) => (key === 'a' ? 5_000 : 9_000) })
    const stations = perKeyOffset({ keys: ['a', 'b'], inner })
    expect('distance' in stations).toBe(false)
    const start = answer(stations.initialOffset())
    const end = answer(stations.latestOffset(start, limit({ maxRows: 10 })))
    expect(stations.partitions(start, end)).toEqual([
      { key: 'a', range: { from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:05.000Z' } },
      { key: 'b', range: { from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:09.000Z' } },
    ])
  })

  it('is before as soon as one key is, or is missing', () => {
    const { compare } = table({})
    const order = (a: Record<string, number>, b: Record<string, number>) => Math.sign(compare(offsets(a), offsets(b)))
    expect(order({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(0)
    expect(order({ a: 2, b: 2 }, { a: 1, b: 2 })).toBe(1)
    expect(order({ a: 1, b: 9 }, { a: 2, b: 2 })).toBe(-1)
    expect(order({ a: 9, b: 1 }, { a: 2, b: 2 })).toBe(-1)
    expect(order({ a: 1 }, { a: 1, b: 0 })).toBe(-1)
    expect(order({ a: 1, b: 0 }, { a: 1 })).toBe(1)
    expect(order({ a: 1, c: 0 }, { a: 1, b: 0 })).toBe(-1)
    expect(order({}, {})).toBe(0)
  })

  it('counts a key that moves as one row at least, whatever its distance is estimated at', () => {
    const inner = { ...sequenceOffset({ head: (_key: string) => 5 }), distance: () => 0 }
    const { latestOffset } = perKeyOffset({ keys: ['a', 'b'], inner })
    const end = answer(latestOffset(offsets({ a: 4, b: 4 }), limit({ maxRows: 1 })))
    expect(
      Object.values(end)
        .map(({ offset }) => offset)
        .toSorted(),
    ).toEqual([4, 5])
  })

  it('takes a distance that is no whole number, and refuses one that is none', () => {
    const positions = (distance: number) =>
      perKeyOffset({
        keys: ['a', 'b'],
        inner: { ...sequenceOffset({ head: (_key: string) => 9 }), distance: () => distance },
      })
    const start = offsets({ a: 0, b: 0 })
    const end = answer(positions(2.5).latestOffset(start, limit({ maxRows: 5 })))
    for (const { offset } of Object.values(end)) expect(Number.isInteger(offset)).toBe(true)
    expect(() => answer(positions(NaN).latestOffset(start, limit({ maxRows: 5 })))).toThrow(PortError)
  })

  it('shows that a key went back', () => {
    const inner = { ...sequenceOffset({ head: (_key: string) => 0 }), latestOffset: () => ({ offset: 1 }) }
    const { latestOffset, compare } = perKeyOffset({ keys: ['a', 'b'], inner })
    const start = offsets({ a: 5, b: 0 })
    for (const maxRows of [10, Infinity]) {
      expect(compare(answer(latestOffset(start, limit({ maxRows }))), start)).toBeLessThan(0)
    }
  })

  it('measures a key that has no position yet from its beginning', () => {
    const { distance, reportLatestOffset } = table({ a: 5, b: 7 })
    const head = answer(reportLatestOffset?.() ?? of({}))
    expect(head).toEqual(offsets({ a: 5, b: 7 }))
    expect(answer(distance?.(offsets({ a: 4 }), head) ?? of(-1))).toBe(8)
  })

  it('asks at most so many keys at a time, and stops asking when it is unsubscribed', () => {
    const scheduler = new VirtualTimeScheduler()
    let [open, most] = [0, 0]
    const head = () =>
      new Observable<number>((subscriber) => {
        most = Math.max(most, ++open)
        const subscription = timer(10, scheduler).subscribe({
          complete: () => subscriber.complete(),
          next: () => subscriber.next(5),
        })
        subscription.add(() => open--)
        return subscription
      })
    const keys = Array.from({ length: 7 }, (_, index) => `key${index}`)
    const stations = perKeyOffset({ keys, inner: sequenceOffset({ from: 'latest', head }), concurrency: 3 })
    const seen: unknown[] = []
    stations.initialOffset().subscribe((value) => seen.push(value))
    scheduler.flush()
    expect(seen).toEqual([offsets(Object.fromEntries(keys.map((key) => [key, 5])))])
    expect(most).toBe(3)
    stations.initialOffset().subscribe().unsubscribe()
    expect(open).toBe(0)
    expect(scheduler.actions).toEqual([])
  })

  it('takes promises', async () => {
    const stations = perKeyOffset({
      keys: async () => ['a'],
      inner: sequenceOffset({ head: async (key: string) => key.length }),
    })
    expect(await firstValueFrom(from(stations.latestOffset(offsets({ a: 0 }), readAllAvailable)))).toEqual(
      offsets({ a: 1 }),
    )
  })

  it('takes keys named as properties every object inherits', () => {
    const { initialOffset, latestOffset, partitions } = counts(
      new Map([
        ['__proto__', 2],
        ['constructor', 3],
      ]),
    )
    const start = answer(initialOffset())
    expect(Object.keys(start).sort()).toEqual(['__proto__', 'constructor'])
    const end = answer(latestOffset(start, limit({ maxRows: 4 })))
    expect(partitions(start, end).map(({ key, range }) => [key, range.to])).toEqual([
      ['__proto__', 2],
      ['constructor', 2],
    ])
    const later = answer(latestOffset({}, readAllAvailable))
    expect(Object.keys(later).sort()).toEqual(['__proto__', 'constructor'])
  })

  it.each([[['a', 'a']], [['']], [[1]], [undefined], ['ab']])('refuses the keys %j', (keys) => {
    const inner = sequenceOffset({ head: () => 0 })
    const stations = perKeyOffset({ keys: () => keys as string[], inner })
    expect(() => answer(stations.initialOffset())).toThrow(PortError)
    expect(() => perKeyOffset({ keys: keys as string[], inner })).toThrow(OptionError)
  })

  it('passes an error of one key on', () => {
    const head = (key: string) => {
      if (key === 'b') throw new RangeError('503')
      return 1
    }
    const stations = perKeyOffset({ keys: ['a', 'b', 'c'], inner: sequenceOffset({ head }) })
    expect(() => answer(stations.latestOffset(offsets({ a: 0, b: 0, c: 0 }), readAllAvailable))).toThrow(
      new RangeError('503'),
    )
  })

  it('reads every row of every key once, within the limit, whatever keys come and go', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.record({ add: fc.tuple(key, fc.nat(10)), remove: fc.option(key) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (steps, maxRows) => {
        const rows = new Map<string, number>()
        const heads = new Map<string, number>()
        const { initialOffset, latestOffset, partitions, compare } = counts(heads)
        const read = new Map<string, number>()
        let start = answer(initialOffset())
        const batch = () => {
          const end = answer(latestOffset(start, limit({ maxRows })))
          expect(compare(end, start)).toBeGreaterThanOrEqual(0)
          let size = 0
          for (const { key: name, range } of partitions(start, end)) {
            expect(range.from).toBe(read.get(name) ?? 0)
            read.set(name, range.to)
            size += range.to - range.from
          }
          expect(size).toBeLessThanOrEqual(maxRows)
          const moved = !sameOffset(start, end)
          start = end
          return moved
        }
        for (const { add, remove } of steps) {
          rows.set(add[0], (rows.get(add[0]) ?? 0) + add[1])
          heads.set(add[0], rows.get(add[0]) as number)
          if (remove !== null) heads.delete(remove)
          batch()
        }
        for (const [name, count] of rows) heads.set(name, count)
        for (let rest = 0; rest < 200 && batch(); rest++);
        for (const [name, count] of rows) expect(read.get(name) ?? 0).toBe(count)
      }),
      { numRuns: 150 },
    )
  })
})
