import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { PortError } from '../../../src/errors.ts'
import { schema } from '../../../src/schema.ts'
import { now, readBatchNow, readNow } from '../drive.ts'

interface Numbered {
  readonly n: number
}
const numbers = (from: number, to: number): Numbered[] => Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

test('gives what was added, in order, within the limit', () => {
  const stream = memoryStream<Numbered>()
  const reader = stream.streamReader()
  const initial = now(reader.initialOffset)
  expect(readBatchNow(reader, initial)).toEqual({ end: { offset: 0 }, partitions: [], rows: [] })

  stream.add(...numbers(0, 5))
  const first = readBatchNow(reader, initial, { maxRows: 3 })
  expect(first.rows).toEqual([numbers(0, 3)])
  expect(readBatchNow(reader, first.end).rows).toEqual([numbers(3, 5)])
})

test('a batch is cut into partitions and chunks', () => {
  const stream = memoryStream<Numbered>({ partitions: 2, chunkRows: 2 })
  stream.add(...numbers(0, 5))
  const reader = stream.streamReader()
  const { partitions, rows } = readBatchNow(reader, { offset: 0 })
  expect(rows).toEqual([numbers(0, 3), numbers(3, 5)])
  expect([...(reader.read(partitions[0]!, {} as never) as Iterable<Numbered[]>)]).toEqual([
    numbers(0, 2),
    numbers(2, 3),
  ])
})

test('tells its readers when rows are added, once they are there', () => {
  const stream = memoryStream<Numbered>()
  const reader = stream.streamReader()
  const seen: unknown[] = []
  const subscription = reader.available?.subscribe(() => seen.push(reader.reportLatestOffset?.()))
  stream.add({ n: 1 })
  stream.add({ n: 2 }, { n: 3 })
  subscription?.unsubscribe()
  stream.add({ n: 4 })
  expect(seen).toEqual([{ offset: 1 }, { offset: 3 }])
})

test('a second reader goes on with what was added before', () => {
  const stream = memoryStream<Numbered>()
  stream.add(...numbers(0, 4))
  stream.streamReader().commit?.({ offset: 2 })
  expect(stream.committed).toBe(2)
  expect(readBatchNow(stream.streamReader(), { offset: 2 }).rows).toEqual([numbers(2, 4)])
})

describe('forgetCommitted', () => {
  test('keeps positions while rows go', () => {
    const stream = memoryStream<Numbered>({ forgetCommitted: true })
    const reader = stream.streamReader()
    stream.add(...numbers(0, 6))
    reader.commit?.({ offset: 4 })
    reader.commit?.({ offset: 2 }) // given again after a restart
    expect(stream.size).toBe(6)
    expect(stream.committed).toBe(4)
    expect(readBatchNow(reader, { offset: 4 }).rows).toEqual([numbers(4, 6)])
    expect(() => readNow(reader, { from: 3, to: 6 })).toThrow(PortError)
  })

  test('is off by default: committed rows can be read again', () => {
    const stream = memoryStream<Numbered>()
    const reader = stream.streamReader()
    stream.add(...numbers(0, 2))
    reader.commit?.({ offset: 2 })
    expect(readNow(reader, { from: 0, to: 2 })).toEqual(numbers(0, 2))
  })
})

test('a checkpoint that stands further than what was added is refused, or rows would be skipped', () => {
  const stream = memoryStream<Numbered>({ name: 'numbers' })
  stream.add({ n: 0 })
  expect(() => readBatchNow(stream.streamReader(), { offset: 5 })).toThrow('numbers: the query stands at row 5')
})

test('carries a schema for the sinks that ask for one', () => {
  const rows = schema('n double not null')
  expect(memoryStream({ schema: rows }).schema).toBe(rows)
  expect(memoryStream()).not.toHaveProperty('schema')
})

test('notes the calls', () => {
  const stream = memoryStream<Numbered>()
  const reader = stream.streamReader()
  stream.add({ n: 0 })
  readBatchNow(reader, now(reader.initialOffset), { maxRows: 9 })
  expect(stream.calls.map((call) => call.port)).toEqual(['initialOffset', 'latestOffset', 'partitions', 'read'])
  expect(stream.calls[1]?.args).toEqual([{ offset: 0 }, { maxRows: 9, maxBytes: Infinity, maxFiles: Infinity }])
})

test('has every row once, within the limit, however rows are added and batches are cut', () => {
  const cut = fc.record({ partitions: fc.integer({ min: 1, max: 5 }), chunkRows: fc.integer({ min: 1, max: 4 }) })
  const step = fc.record({ added: fc.nat(6), maxRows: fc.integer({ min: 1, max: 7 }) })
  fc.assert(
    fc.property(cut, fc.boolean(), fc.array(step, { maxLength: 12 }), (sizes, forgetCommitted, steps) => {
      const stream = memoryStream<Numbered>({ ...sizes, forgetCommitted })
      const reader = stream.streamReader()
      let at = { offset: 0 }
      const read: Numbered[] = []
      for (const { added, maxRows } of [...steps, { added: 0, maxRows: 1_000 }]) {
        stream.add(...numbers(stream.size, stream.size + added))
        const { end, rows } = readBatchNow(reader, at, { maxRows })
        expect(rows.flat().length).toBeLessThanOrEqual(maxRows)
        expect(readBatchNow(reader, at, { maxRows }).rows, 'read again').toEqual(rows)
        read.push(...rows.flat())
        reader.commit?.(end)
        at = end
      }
      expect(read).toEqual(numbers(0, stream.size))
    }),
  )
})
