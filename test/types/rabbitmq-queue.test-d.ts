import { journaled, type RowOf, readStream, type StreamSource, schema } from 'sluice'
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
    const once = { ...orders, streamReader: () => journaled(orders.streamReader(), { identity: messageIdentity }) }
    expectTypeOf(readStream(once)).not.toBeNever()
  })
})
