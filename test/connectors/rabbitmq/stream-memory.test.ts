import type { ConsumeMessage } from 'amqplib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StreamMemory } from '../../../src/connectors/rabbitmq/stream-memory.ts'

const message = (offset: number, bytes: number) =>
  ({
    content: Buffer.alloc(bytes),
    properties: { headers: { 'x-stream-offset': offset } },
  }) as unknown as ConsumeMessage

const step = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    gap: fc.integer({ min: 0, max: 2 }),
    bytes: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({ do: fc.constant('forget' as const), position: fc.nat(60) }),
  fc.record({ do: fc.constant('undo' as const), count: fc.nat(3) }),
)

test('has what was added and not forgotten, whatever is asked of it when', () => {
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.array(step, { maxLength: 40 }),
      fc.nat(60),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 30 }),
      (from, steps, position, maxRows, maxBytes) => {
        const memory = new StreamMemory(from, { readAheadRows: 10, readAheadBytes: 50 })
        let kept: { readonly offset: number; readonly bytes: number }[] = []
        let next = from
        for (const one of steps) {
          if (one.do === 'add') {
            const offset = next + one.gap
            memory.add(message(offset, one.bytes), offset)
            kept.push({ offset, bytes: one.bytes })
            next = offset + 1
          } else if (one.do === 'forget') {
            const left = kept.filter(({ offset }) => offset >= one.position)
            expect(memory.forget(one.position)).toBe(left.length < kept.length)
            kept = left
          } else {
            // As after a consumer that could not be attached: what it brought goes again.
            kept = kept.slice(0, Math.max(0, kept.length - one.count))
            next = Math.min(next, (kept.at(-1)?.offset ?? Math.min(next, from) - 1) + 1)
            memory.undo(kept.length, next)
          }
        }
        const bytes = kept.reduce((sum, one) => sum + one.bytes, 0)
        expect([memory.rows, memory.next]).toEqual([kept.length, next])
        expect(memory.full).toBe(kept.length >= 10 || bytes >= 50)
        expect(memory.offsetAt(0)).toBe(kept[0]?.offset)
        const behind = kept.filter(({ offset }) => offset >= position)
        expect(memory.between(position, Infinity)).toHaveLength(behind.length)
        let sum = 0
        const fits = behind.slice(0, maxRows).findIndex(({ bytes: size }, index) => {
          sum += size
          return index > 0 && sum > maxBytes
        })
        const taken = behind.slice(0, fits < 0 ? maxRows : fits)
        const { rows, end } = memory.upTo(position, { maxRows, maxBytes })
        expect([rows, end]).toEqual([taken.length, (taken.at(-1)?.offset ?? position - 1) + 1])
        if (taken.length > 0) expect(memory.between(position, end)).toHaveLength(taken.length)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('holds what lies between what was forgotten and what has come', () => {
  const memory = new StreamMemory(5, { readAheadRows: 10, readAheadBytes: 50 })
  expect([memory.holds(5, 5), memory.holds(4, 5), memory.holds(5, 6)]).toEqual([true, false, false])
  for (const offset of [5, 6, 8]) memory.add(message(offset, 1), offset)
  memory.forget(6)
  expect([memory.holds(6, 9), memory.holds(5, 9), memory.holds(6, 10)]).toEqual([true, false, false])
})
