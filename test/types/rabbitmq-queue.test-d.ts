import { type JournalPartition, journaled, type RowOf, readStream, type StreamSource, schema } from 'sluice'
import { mapRows } from 'sluice/operators'
import { type MessageRow, messageIdentity, type QueueOffset, type QueuePartition, rabbitmqQueue } from 'sluice/rabbitmq'
import { describe, expectTypeOf, it } from 'vitest'

const url = 'amqp://127.0.0.1'
const order = schema('id bigint not null, total double')

describe('rows of a queue', () => {
  it('have a body by the content', () => {
    expectTypeOf(rabbitmqQueue({ url, queue: 'q' }).schema).toEqualTypeOf<
      ReturnType<typeof rabbitmqQueue<'text'>>['schema']
    >()
    expectTypeOf<RowOf<ReturnType<typeof rabbitmqQueue<'text'>>['schema']>>().toEqualTypeOf<MessageRow<string>>()
    const bytes = rabbitmqQueue({ url, queue: 'q', content: 'bytes' })
    expectTypeOf(bytes).toExtend<StreamSource<QueueOffset, QueuePartition, MessageRow<Uint8Array>>>()
    const orders = rabbitmqQueue({ url, queue: 'q', content: order })
    expectTypeOf(orders).toExtend<StreamSource<QueueOffset, QueuePartition, MessageRow<RowOf<typeof order>>>>()
  })

  it('are what the key is made of', () => {
    rabbitmqQueue({ url, queue: 'q', content: order, key: ({ body }) => String(body.id) })
    // @ts-expect-error the body has no such column
    rabbitmqQueue({ url, queue: 'q', content: order, key: ({ body }) => String(body.name) })
    // @ts-expect-error the name is misspelt
    rabbitmqQueue({ url, queue: 'q', prefech: 10 })
  })

  it('have an identity for the journal', () => {
    const orders = rabbitmqQueue({ url, queue: 'q', content: order })
    const once = journaled(orders, { identity: (m) => m.messageId })
    expectTypeOf(once).toEqualTypeOf<StreamSource<QueueOffset, JournalPartition, MessageRow<RowOf<typeof order>>>>()
    expectTypeOf(journaled(orders, { identity: messageIdentity })).toEqualTypeOf<typeof once>()
    journaled(orders, { identity: ({ body }) => String(body.id) })
    // @ts-expect-error the body has no such column
    journaled(orders, { identity: ({ body }) => body.name })
    // @ts-expect-error a number is no identity
    journaled(orders, { identity: ({ body }) => body.total })
    // @ts-expect-error the name is misspelt
    journaled(orders, { identify: (m) => m.messageId })
    readStream(journaled(rabbitmqQueue({ url, queue: 'q' }), { identity: (m) => m.messageId })).pipe(
      mapRows(({ body, messageId }) => ({ text: body.toUpperCase(), messageId })),
    )
  })
})
