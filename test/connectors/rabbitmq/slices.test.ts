import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Held } from '../../../src/connectors/rabbitmq/held-message.ts'
import { isIn, slicesOf } from '../../../src/connectors/rabbitmq/slices.ts'
import { rabbitmqStream } from '../../../src/connectors/rabbitmq/stream-source.ts'
import { now } from '../drive.ts'

interface Row {
  readonly key: string
}
const queues = ['a', 'b', 'c']
const held = fc.record({ queue: fc.constantFrom(...queues), row: fc.record({ key: fc.string({ maxLength: 3 }) }) })

it('slices of a batch have each of its messages once, by whatever they are cut', () => {
  const cut = fc.record({ partitions: fc.integer({ min: 1, max: 9 }), byKey: fc.boolean(), several: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(held, { maxLength: 40 }),
      fc.nat(1_000),
      cut,
      (given, first, { partitions, byKey, several }) => {
        const messages = given.map((one) => ({ ...one, queue: several ? one.queue : 'a' })) as unknown as Held<Row>[]
        const slicing = {
          queues: several ? queues : ['a'],
          partitions,
          key: byKey ? ({ key }: Row) => key : undefined,
        }
        const range = { from: first, to: first + messages.length }
        const slices = slicesOf(range, slicing, (queue) => messages.some((message) => message.queue === queue))
        const taken = messages.map((message, at) =>
          slices.filter(({ from, to, ...slice }) => {
            const isInRange = first + at >= from && first + at < to
            return isInRange && isIn(message, { from, to, ...slice }, slicing)
          }),
        )
        expect(taken.every((of) => of.length === 1)).toBe(true)
        if (messages.length === 0) expect(slices).toEqual([])
        expect(JSON.parse(JSON.stringify(slices))).toEqual(slices)
      },
    ),
  )
})

describe('the offsets of streams', () => {
  const names = ['s', 't', 'u']
  const reader = rabbitmqStream({ url: 'amqp://127.0.0.1:1', stream: names }).streamReader()
  const position = fc.nat(50)
  const offset = fc.tuple(position, position, position).map(([s, t, u]) => ({ s, t, u }))
  const end = fc
    .tuple(offset, offset)
    .map(([a, b]) => ({ start: a, end: { s: a.s + b.s, t: a.t + b.t, u: a.u + b.u } }))

  it('are cut into slices that have each position once', () => {
    fc.assert(
      fc.property(end, ({ start, end: to }) => {
        const slices = now(() => reader.partitions(start, to))
        const found = slices.flatMap(({ stream, from, to: last }) =>
          Array.from({ length: last - from }, (_, more) => `${stream}${from + more}`),
        )
        const expected = (['s', 't', 'u'] as const).flatMap((stream) =>
          Array.from({ length: to[stream] - start[stream] }, (_, more) => `${stream}${start[stream] + more}`),
        )
        expect(found).toEqual(expected)
        expect(reader.distance?.(start, to)).toBe(expected.length)
      }),
    )
  })

  it('never order an offset behind one that has more of any stream', () => {
    fc.assert(
      fc.property(offset, offset, (a, b) => {
        const order = reader.compare?.(a, b) ?? Number.NaN
        const lacks = (['s', 't', 'u'] as const).some((stream) => a[stream] < b[stream])
        const same = JSON.stringify(a) === JSON.stringify(b)
        expect(order < 0).toBe(lacks)
        expect(order === 0).toBe(same)
      }),
    )
  })
})
