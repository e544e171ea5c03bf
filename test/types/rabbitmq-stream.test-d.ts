import { memoryCheckpoint, noop, readStream, schema } from 'sluice'
import { mapRows } from 'sluice/operators'
import { type RabbitStreamRow, rabbitmqSink, rabbitmqStream } from 'sluice/rabbitmq'
import { expectTypeOf, test } from 'vitest'

const where = { url: 'amqp://127.0.0.1', stream: 'readings' }
const options = { name: 'q', checkpoint: memoryCheckpoint() }

test('the content of a stream decides the type of the bodies', () => {
  readStream(rabbitmqStream(where)).pipe(
    mapRows((row) => {
      expectTypeOf(row).toEqualTypeOf<RabbitStreamRow<string>>()
      return row
    }),
  )
  readStream(rabbitmqStream({ ...where, content: 'bytes' })).pipe(
    mapRows(({ body, offset }) => {
      expectTypeOf(body).toEqualTypeOf<Uint8Array>()
      expectTypeOf(offset).toBeNumber()
      return { offset }
    }),
  )
  readStream(rabbitmqStream({ ...where, content: schema('sensor int not null, celsius double') })).pipe(
    mapRows(({ body }) => {
      expectTypeOf(body).toEqualTypeOf<{ sensor: number; celsius: number | null }>()
      return body
    }),
  )
})

test('a sink takes rows that have what its functions look at', () => {
  const sink = rabbitmqSink({ url: where.url, queue: 'q', messageId: ({ id }: { readonly id: number }) => `m${id}` })
  readStream(rabbitmqStream({ ...where, content: schema('id int not null') }))
    .pipe(mapRows(({ body }) => body))
    .writeStream(sink, options)
  // @ts-expect-error the rows have no id
  readStream(rabbitmqStream(where)).writeStream(sink, options)
  readStream(rabbitmqStream(where)).writeStream(rabbitmqSink({ url: where.url, queue: 'q' }), options)
  readStream(rabbitmqStream(where)).writeStream(noop(), options)
})

test('a content that there is not is an error', () => {
  // @ts-expect-error no such content
  rabbitmqStream({ ...where, content: 'xml' })
})
