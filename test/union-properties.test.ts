import fc from 'fast-check'
import { expect, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { defineDataSource } from '../src/data-source.ts'
import { journaled } from '../src/journaled.ts'
import { schema } from '../src/schema.ts'
import { type ReadLimit, readAllAvailable } from '../src/source.ts'
import { readStream } from '../src/stream.ts'
import { availableNow, once } from '../src/trigger.ts'
import { type UnionOffset, type UnionPartition, union } from '../src/union.ts'
import { settle } from './connectors/drive.ts'
import { numberSink, numberSource, numbers, outcomeOf } from './engine/recording.ts'

const heads = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 })
const nameOf = (index: number): string => `source ${index}`
/** Numbers of a source by which its rows are known: 1000, 1001, … of the second one. */
const numbersOf = (index: number, from: number, to: number) => numbers(1000 * index + from, 1000 * index + to)
const allOf = (ends: readonly number[]) =>
  ends.flatMap((end, index) => Array.from({ length: end }, (_, n) => 1000 * index + n))

function sourceOf(index: number, head: () => number) {
  return numberSource(head, [], {
    *read({ from, to }) {
      yield numbersOf(index, from, to)
    },
    distance: (from, to) => to.offset - from.offset,
  })
}

it('a union goes from one end to the next without a gap, no farther than its limit, and parts only what moved', async () => {
  await fc.assert(
    fc.asyncProperty(heads, fc.integer({ min: 1, max: 40 }), async (ends, maxRows) => {
      const parts = ends.map((end, index) => [nameOf(index), sourceOf(index, () => end)] as const)
      const reader = union(Object.fromEntries(parts)).streamReader()
      const limit: ReadLimit = { ...readAllAvailable, maxRows }
      let start = (await settle(() => reader.initialOffset())) as UnionOffset
      const read = new Map<string, [number, number][]>(parts.map(([name]) => [name, []]))
      for (;;) {
        const end = (await settle(() => reader.latestOffset(start, limit))) as UnionOffset
        const rows = (await settle(() => reader.distance?.(start, end) ?? 0)) as number
        if (reader.compare?.(end, start) === 0) break
        expect(reader.compare?.(end, start)).toBeGreaterThan(0)
        expect(rows).toBeGreaterThan(0)
        expect(rows).toBeLessThanOrEqual(Math.max(maxRows, ends.length)) // one row each at least
        const partitions = (await settle(() => reader.partitions(start, end))) as readonly UnionPartition[]
        for (const { source, partition } of partitions) {
          const { from, to } = partition as { from: number; to: number }
          read.get(source)?.push([from, to])
        }
        start = end
      }
      for (const [index, end] of ends.entries()) {
        const slices = read.get(nameOf(index)) as [number, number][]
        expect(slices.map(([, to]) => to).at(-1) ?? 0).toBe(end)
        expect(slices.map(([from]) => from)).toEqual([0, ...slices.map(([, to]) => to)].slice(0, slices.length))
        for (const [from, to] of slices) expect(to).toBeGreaterThan(from)
      }
    }),
  )
})

it('a union of plain and journaled sources delivers each row once, in the order of its source, however often it is started', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ end: fc.nat(30), isJournaled: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 25 }), { maxLength: 6 }),
      (sources, limits) => {
        const rows: number[] = []
        const checkpoint = memoryCheckpoint()
        const run = (maxRows: number, trigger: ReturnType<typeof once>): void => {
          const children = sources.map(({ end, isJournaled }, index) => {
            const source = sourceOf(index, () => end)
            return [nameOf(index), isJournaled ? journaled(source) : source] as const
          })
          const options = { name: 'q', checkpoint, trigger, limit: { maxRows }, retry: { maxAttempts: 1 } }
          const { error } = outcomeOf(
            readStream(union(Object.fromEntries(children))).writeStream(numberSink([], rows), options),
          )
          expect(error).toBeUndefined()
        }
        for (const maxRows of limits) run(maxRows, once())
        run(Infinity, availableNow())
        expect(rows.toSorted((a, b) => a - b)).toEqual(allOf(sources.map(({ end }) => end)))
        for (const index of sources.keys()) {
          const own = rows.filter((n) => Math.floor(n / 1000) === index)
          expect(own).toEqual(own.toSorted((a, b) => a - b))
        }
      },
    ),
  )
})

it('a simple reader gives each row once, whatever comes meanwhile and however often its process is another one', () => {
  const step = fc.record({ comes: fc.nat(20), maxRows: fc.integer({ min: 1, max: 15 }), restarts: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      let head = 0
      const counter = defineDataSource({
        name: 'counter',
        schema: schema('n int not null'),
        simpleStreamReader: () => ({
          initialOffset: () => ({ offset: 0 }),
          read: ({ offset }, { maxRows }) => {
            const end = Math.min(head, offset + maxRows)
            return { rows: numbers(offset, end), end: { offset: end } }
          },
          readBetween: (start, end) => numbers(start.offset, end.offset),
          compare: (a, b) => a.offset - b.offset,
        }),
      })
      const rows: number[] = []
      const checkpoint = memoryCheckpoint()
      const make = (maxRows: number) =>
        readStream(counter()).writeStream(numberSink([], rows), {
          name: 'q',
          checkpoint,
          trigger: once(),
          limit: { maxRows },
          retry: { maxAttempts: 1 },
        })
      let query = make(1)
      for (const { comes, maxRows, restarts } of steps) {
        head += comes
        if (restarts) query = make(maxRows)
        expect(outcomeOf(query).error).toBeUndefined()
      }
      expect(rows).toEqual(Array.from({ length: rows.length }, (_, n) => n))
      expect(rows.length).toBeLessThanOrEqual(head)
    }),
  )
})
