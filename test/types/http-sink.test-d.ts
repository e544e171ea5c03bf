import { describe, expectTypeOf, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { jsonLines } from '../../src/connectors/json-lines/sink.ts'
import type { PartFile } from '../../src/connectors/manifest/entry.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import type { RefusedRow } from '../../src/connectors/rest/sink/refused-row.ts'
import type { HttpMessage } from '../../src/connectors/rest/sink/request-writer.ts'
import { type HttpSink, httpSink } from '../../src/connectors/rest/sink/sink.ts'
import type { BoundSink } from '../../src/data-source.ts'
import type { DeadLetter } from '../../src/dead-letter.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'

const url = 'https://api.example.com/rows'
const orders = readStream(memoryStream({ schema: schema('id int not null, note string') }))
const options = { name: 'orders', checkpoint: memoryCheckpoint() }

describe('httpSink', () => {
  it('takes any rows, or those that its function takes', () => {
    expectTypeOf(httpSink({ url })).toEqualTypeOf<HttpSink<object, never>>()
    expectTypeOf(httpSink<{ id: number }>({ url, idempotency: { key: 'id' } })).toExtend<
      BoundSink<{ id: number }, HttpMessage<never>>
    >()
    orders.writeStream(httpSink({ url }), options)
    orders.writeStream(httpSink({ url, row: ({ id }: { id: number }) => [id] }), options)
    // @ts-expect-error the rows have no column of that name
    orders.writeStream(httpSink({ url, row: ({ amount }: { amount: number }) => amount }), options)
  })

  it('needs the column that is the key', () => {
    orders.writeStream(httpSink({ url, idempotency: { key: 'id' } }), options)
    orders.writeStream(httpSink({ url, idempotency: { key: 'note' } }), options)
    // @ts-expect-error the rows have no column of that name
    orders.writeStream(httpSink({ url, idempotency: { key: 'order_id' } }), options)
    orders.writeStream(httpSink({ url, idempotency: { header: 'X-Once' } }), options)
    orders.writeStream(httpSink({ url, idempotency: 'none' }), options)
  })

  it('takes any sink of dead letters, and one that wants what it adds', () => {
    expectTypeOf(httpSink({ url, deadLetters: jsonLines({ path: 'refused' }) })).toEqualTypeOf<
      HttpSink<object, readonly PartFile[]>
    >()
    httpSink({ url, deadLetters: memorySink<DeadLetter>() })
    httpSink({ url, deadLetters: memorySink<RefusedRow>() })
    httpSink({ url, deadLetters: httpSink({ url }) })
    // @ts-expect-error a sink of other rows
    httpSink({ url, deadLetters: memorySink<{ id: number }>() })
  })

  it('knows its options', () => {
    // @ts-expect-error
    httpSink({})
    // @ts-expect-error
    httpSink({ url, format: 'csv' })
    // @ts-expect-error
    httpSink({ url, idempotency: { body: 'id' } })
    // @ts-expect-error the sink always waits
    httpSink({ url, breaker: { whenOpen: 'fail' } })
  })
})
