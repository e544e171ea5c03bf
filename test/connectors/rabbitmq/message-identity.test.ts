import type { ConsumeMessage } from 'amqplib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identityOf, messageIdentity } from '../../../src/connectors/rabbitmq/message-identity.ts'
import { sliceOf } from '../../../src/connectors/rabbitmq/slices.ts'
import { RowError } from '../../../src/errors.ts'

const message = (body: string, messageId?: string, redelivered = false): ConsumeMessage =>
  ({
    content: Buffer.from(body),
    fields: { deliveryTag: 1, redelivered, exchange: 'e', routingKey: 'r', consumerTag: 'c' },
    properties: { headers: {}, messageId },
  }) as unknown as ConsumeMessage

describe('the identity of a message', () => {
  it('is its id in its queue, whatever its body', () => {
    expect(identityOf('q', message('a', 'm'))).toBe(identityOf('q', message('b', 'm', true)))
    expect(identityOf('q', message('a', 'm'))).not.toBe(identityOf('other', message('a', 'm')))
  })

  it('without an id is its body, and no id is taken for a body', () => {
    expect(identityOf('q', message('a'))).toBe(identityOf('q', message('a', undefined, true)))
    expect(identityOf('q', message('a'))).not.toBe(identityOf('q', message('b')))
    expect(identityOf('q', message('a', ''))).toBe(identityOf('q', message('a')))
  })

  it('for the journal must be there', () => {
    const identity = messageIdentity({ queue: 'q', messageId: 'm' })
    expect(messageIdentity({ queue: 'q', messageId: 'm' })).toBe(identity)
    expect(messageIdentity({ queue: 'q', messageId: 'n' })).not.toBe(identity)
    // Whoever fills another queue may count in the same way: taken for a repeat, its message would be acknowledged and lost.
    expect(messageIdentity({ queue: 'r', messageId: 'm' })).not.toBe(identity)
    for (const messageId of [null, ''])
      expect(() => messageIdentity({ queue: 'orders', messageId })).toThrow(/orders: a message has no message id/)
  })
})

it('a key has one slice, within their number, and keys are spread', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 64 }), (key, slices) => {
      const slice = sliceOf(key, slices)
      expect(slice).toBe(sliceOf(key, slices))
      expect(slice >= 0 && slice < slices).toBe(true)
    }),
  )
  const slices = Array.from({ length: 10_000 }, (_, i) => sliceOf(`key-${i}`, 4))
  const counts = [0, 1, 2, 3].map((slice) => slices.filter((other) => other === slice).length)
  expect(Math.min(...counts)).toBeGreaterThan(2_000)
})

it.each([null, undefined, 7])('a key that is %s is refused: its slice would be anybody’s guess', (key) => {
  expect(() => sliceOf(key as unknown as string, 4)).toThrow(RowError)
  expect(() => sliceOf(key as unknown as string, 4)).toThrow('option "key" must give a string')
})
