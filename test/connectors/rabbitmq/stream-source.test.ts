import { describe, expect, test } from 'vitest'
import type { RabbitStreamOptions } from '../../../src/connectors/rabbitmq/stream-options.ts'
import { rabbitmqStream } from '../../../src/connectors/rabbitmq/stream-source.ts'
import { OffsetError, OptionError } from '../../../src/errors.ts'
import { schema } from '../../../src/schema.ts'
import { now } from '../drive.ts'

const url = 'amqp://127.0.0.1:1'
const source = (options: object) => rabbitmqStream({ url, ...options } as RabbitStreamOptions)

describe('offsets', () => {
  const reader = source({ stream: ['a', 'b'] }).streamReader()

  test('have an order where each stream has one', () => {
    expect(reader.compare?.({ a: 1, b: 1 }, { a: 1, b: 1 })).toBe(0)
    expect(reader.compare?.({ a: 2, b: 1 }, { a: 1, b: 1 })).toBeGreaterThan(0)
    expect(reader.compare?.({ a: 1, b: 1 }, { a: 1, b: 2 })).toBeLessThan(0)
    expect(reader.compare?.({ a: 2, b: 1 }, { a: 1, b: 2 })).toBeLessThan(0)
  })

  test('give an upper bound of the rows between', () => {
    expect(reader.distance?.({ a: 1, b: 5 }, { a: 11, b: 7 })).toBe(12)
  })

  test('make a partition of each stream with something new', () => {
    const slices = now(() => reader.partitions({ a: 1, b: 5 }, { a: 4, b: 5 }))
    expect(slices).toEqual([{ stream: 'a', from: 1, to: 4 }])
    expect(reader.partitionKey?.({ stream: 'a', from: 1, to: 4 })).toBe('a')
  })

  test('of other streams are refused', () => {
    expect(() => reader.partitions({ a: 1 }, { a: 2 })).toThrow(OffsetError)
    expect(() => reader.partitions({ a: 1 }, { a: 2 })).toThrow('no position in stream b, only in a')
  })
})

test('rows have a schema, with the columns of a body that has one', () => {
  expect(source({ stream: 'a' }).schema.fields.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['body', 'queue', 'messageId', 'headers', 'offset']),
  )
  const order = schema('id int not null')
  expect(source({ stream: 'a', content: order }).schema.fields[0]).toMatchObject({
    name: 'body',
    type: { kind: 'struct', fields: order.fields },
  })
})

describe('options', () => {
  test.each([
    [{}, '"stream" is missing'],
    [{ stream: [] }, 'the list is empty'],
    [{ stream: ['a', 'a'] }, 'names a stream twice'],
    [{ stream: ['a', ''] }, '"stream" must be'],
    [{ stream: 'a', from: 'latest' }, '"from" must be "first", "last", "next"'],
    [{ stream: 'a', from: -1 }, '"from" must be'],
    [{ stream: 'a', from: new Date(Number.NaN) }, '"from" must be'],
    [{ stream: 'a', prefetch: 0 }, '"prefetch" must be an integer from 1 to 65535'],
    [{ stream: 'a', prefetch: 70_000 }, '"prefetch" must be'],
    [{ stream: 'a', readAhead: 0 }, '"readAhead" must be'],
    [{ stream: 'a', content: 'xml' }, '"content" must be'],
    [{ stream: 'a', form: 'first' }, 'did you mean "from"'],
  ])('%o is refused at the call', (options, message) => {
    expect(() => source(options)).toThrow(OptionError)
    expect(() => source(options)).toThrow(message)
  })
})
