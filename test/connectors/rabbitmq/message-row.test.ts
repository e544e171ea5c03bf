import type { ConsumeMessage } from 'amqplib'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type MessageContent, messageReader, messageSchema } from '../../../src/connectors/rabbitmq/message-row.ts'
import { rowChecker, schema } from '../../../src/schema.ts'

function message(content: Buffer | string, properties: object = {}, fields: object = {}): ConsumeMessage {
  return {
    content: Buffer.from(content),
    fields: { deliveryTag: 7, redelivered: false, exchange: '', routingKey: 'q', consumerTag: 'c', ...fields },
    properties: { headers: {}, ...properties },
  } as ConsumeMessage
}

const body = (content: MessageContent, bytes: Buffer | string): unknown =>
  messageReader(content)('q', message(bytes)).body

describe('a row', () => {
  it('has the properties, the way and the headers of a message', () => {
    const row = messageReader('text')(
      'orders',
      message(
        'hello',
        {
          messageId: 'm-1',
          correlationId: 'c-1',
          contentType: 'text/plain',
          type: 'greeting',
          appId: 'app',
          timestamp: 1_700_000_000,
          headers: { 'x-delivery-count': 2, name: 'n', list: [1, 'a'], none: null },
        },
        { redelivered: true, exchange: 'e', routingKey: 'r' },
      ),
    )
    expect(row).toEqual({
      body: 'hello',
      queue: 'orders',
      exchange: 'e',
      routingKey: 'r',
      redelivered: true,
      deliveryCount: 2,
      messageId: 'm-1',
      correlationId: 'c-1',
      contentType: 'text/plain',
      type: 'greeting',
      appId: 'app',
      timestamp: new Date(1_700_000_000_000),
      headers: { 'x-delivery-count': '2', name: 'n', list: '[1,"a"]', none: null },
    })
  })

  it('has null for what the publisher didn’t set', () => {
    const row = messageReader('text')('q', message('x'))
    expect(row).toMatchObject({ messageId: null, timestamp: null, headers: null, deliveryCount: null })
  })

  it.each([['text'], ['bytes'], [schema('id bigint not null, at timestamp')]] as const)(
    'fits its schema: %j',
    (content) => {
      const fits = rowChecker(messageSchema(content))
      const rows = [
        messageReader(content)('q', message('{"id":1}')),
        messageReader(content)(
          'q',
          message('{"id":2,"at":"2026-01-02T03:04:05Z"}', { timestamp: 1, headers: { a: 1 } }),
        ),
      ]
      expect(rows.map(fits)).toEqual([undefined, undefined])
    },
  )

  it('has a type by its content', () => {
    expectTypeOf(messageReader('text')).returns.toHaveProperty('body').toEqualTypeOf<string>()
    expectTypeOf(messageReader('bytes')).returns.toHaveProperty('body').toEqualTypeOf<Uint8Array>()
    const order = schema('id int not null, note string')
    expectTypeOf(messageReader(order))
      .returns.toHaveProperty('body')
      .toEqualTypeOf<{ id: number; note: string | null }>()
  })
})

describe('a body', () => {
  it('of a schema is read from JSON, without what the schema doesn’t have', () => {
    const content = schema(
      'id bigint not null, big bigint, at timestamp, day date, raw binary, tags array<bigint>, by map<string, timestamp>, inner struct<a: int, b: bigint>',
    )
    const given =
      '{"id":1,"big":"9007199254740993","at":"2026-01-02T03:04:05.006Z","day":"2026-01-02","raw":"AQI=","tags":[1,null],"by":{"x":0},"inner":{"a":1,"b":2,"c":3},"other":1}'
    expect(body(content, given)).toEqual({
      id: 1n,
      big: 9007199254740993n,
      at: new Date('2026-01-02T03:04:05.006Z'),
      day: new Date('2026-01-02'),
      raw: new Uint8Array([1, 2]),
      tags: [1n, null],
      by: { x: new Date(0) },
      inner: { a: 1, b: 2n },
    })
  })

  it('of bytes is as it came, and JSON is its own text', () => {
    expect(body('bytes', Buffer.from([0, 255]))).toEqual(new Uint8Array([0, 255]))
    expect(body('json', '{ "a": 1 }')).toBe('{ "a": 1 }')
  })

  it.each([
    ['text', Buffer.from([0xff, 0xfe]), 'is not UTF-8 text'],
    ['json', '{"a":', 'is not JSON'],
    [schema('id int not null'), 'secret{', 'is not JSON'],
    [schema('id int not null'), '{"id":"secret"}', 'column "id": expected int, found'],
    [schema('id int not null'), '{}', 'column "id": expected int, not null'],
    [schema('id int not null'), '[]', 'expected a row'],
    [schema('at timestamp'), '{"at":"soon"}', 'column "at": expected timestamp'],
    [schema('raw binary'), '{"raw":"not base64!"}', 'column "raw": expected binary'],
    [schema('id bigint'), '{"id":1.5}', 'column "id": expected bigint'],
  ] as const)('that is not %j is refused, and not shown', (content, bytes, why) => {
    const refuse = () => messageReader(content)('orders', message(bytes, { messageId: 'm-9' }))
    expect(refuse).toThrow(`orders: message "m-9" `)
    expect(refuse).toThrow(why)
    expect(refuse).not.toThrow('secret')
  })
})

describe('a byte order mark', () => {
  const marked = '\uFEFF{"id":1}'

  it('belongs to a text, and to no JSON', () => {
    expect(body('text', marked)).toBe(marked)
    expect(body('json', marked)).toBe('{"id":1}')
    expect(body(schema('id int'), marked)).toEqual({ id: 1 })
  })
})
