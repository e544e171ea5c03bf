import { describe, expectTypeOf, it } from 'vitest'
import { byIds } from '../../src/connectors/rest/source/by-ids.ts'
import { byItems } from '../../src/connectors/rest/source/by-items.ts'
import { byParent } from '../../src/connectors/rest/source/by-parent.ts'
import { byTime } from '../../src/connectors/rest/source/by-time.ts'
import { rest } from '../../src/connectors/rest/source/rest.ts'
import type { RestBatch, RestStream } from '../../src/connectors/rest/source/rest-source.ts'
import { schema } from '../../src/schema.ts'
import { type RowBatch, type RowStream, read, readStream } from '../../src/stream.ts'

const order = schema('id bigint not null, updated_at timestamp not null, total decimal(10,2), paid boolean')
type Order = { id: bigint; updated_at: Date; total: string | null; paid: boolean | null }

const url = 'https://api.example.com/orders'
const cursor = { field: 'updated_at', key: 'id', param: 'since' } as const
const ids = byIds({ params: { from: 'from', to: 'to' }, max: () => 1 })
const windows = byTime({ params: { from: 'from', to: 'to' }, from: 'latest', safetyLag: 0 })
const dynamic = schema('id int' as string)

describe('rest', () => {
  it('has the rows of its schema', () => {
    expectTypeOf(rest({ url, schema: order })).toEqualTypeOf<RestBatch<Order>>()
    expectTypeOf(rest({ url, schema: order, cursor })).toEqualTypeOf<RestStream<Order>>()
    expectTypeOf(read(rest({ url, schema: order }))).toEqualTypeOf<RowBatch<Order>>()
    expectTypeOf(readStream(rest({ url, schema: order, cursor }))).toEqualTypeOf<RowStream<Order>>()
    expectTypeOf(read(rest({ url, schema: order, cursor }))).toEqualTypeOf<RowBatch<Order>>()
  })

  it('is a stream where it has positions, and not otherwise', () => {
    readStream(rest({ url, schema: order, partitions: ids }))
    readStream(rest({ url, schema: order, partitions: windows }))
    readStream(rest({ url, schema: order, partitions: byIds({ params: { from: 'from', to: 'to' }, max: () => 1 }) }))
    readStream(
      rest({
        url,
        schema: order,
        partitions: byTime({ params: { from: 'from', to: 'to' }, from: 'latest', safetyLag: 0 }),
      }),
    )
    readStream(
      rest({
        url,
        schema: order,
        partitions: byItems(['a'], {
          within: byTime({ params: { from: 'from', to: 'to' }, from: 'latest', safetyLag: 0, field: 'updated_at' }),
        }),
      }),
    )
    readStream(rest({ url, schema: order, partitions: byItems(['a'], { within: windows }) }))
    readStream(rest({ url, schema: order, cursor, partitions: byItems(['a']) }))
    readStream(rest({ url, schema: order, partitions: byParent({ url, schema: order, cursor }) }))
    // @ts-expect-error
    readStream(rest({ url, schema: order }))
    // @ts-expect-error
    readStream(rest({ url, schema: order, partitions: byItems(['a']) }))
    // @ts-expect-error
    readStream(rest({ url, schema: order, partitions: byParent({ url, schema: order }) }))
  })

  it('has one way to tell what is new', () => {
    // @ts-expect-error
    rest({ url, schema: order, cursor, partitions: ids })
    // @ts-expect-error
    rest({ url, schema: order, cursor, partitions: byItems(['a'], { within: windows }) })
  })

  it('knows the columns', () => {
    rest({ url, schema: order, cursor: { field: 'id', key: ['id', 'updated_at'], from: 1n } })
    rest({ url, schema: dynamic, cursor: { field: 'anything', key: 'id' } })
    // @ts-expect-error
    rest({ url, schema: order, cursor: { field: 'updated', key: 'id' } })
    // @ts-expect-error
    rest({ url, schema: order, cursor: { field: 'updated_at', key: 'ID' } })
    // @ts-expect-error
    rest({ url, schema: order, cursor: { field: 'paid', key: 'id' } })
    // @ts-expect-error
    rest({ url, schema: order, cursor: { field: 'updated_at', key: 'id', lookBack: 1 } })
    // @ts-expect-error
    rest({ url, schema: order, cursor: { field: 'updated_at' } })
    const guarded = { params: { from: 'from', to: 'to' }, max: () => 1 } as const
    rest({ url, schema: order, partitions: byIds({ ...guarded, field: 'id' }) })
    // @ts-expect-error
    rest({ url, schema: order, partitions: byIds({ ...guarded, field: 'no' }) })
    // @ts-expect-error
    rest({ url, schema: order, partitions: byItems(['a'], { within: byIds({ ...guarded, field: 'no' }) }) })
    // @ts-expect-error
    byParent({ url, schema: order, cursor: { field: 'at', key: 'id' } })
    rest({ url, schema: order, epoch: { updated_at: 'seconds' } })
    // @ts-expect-error
    rest({ url, schema: order, epoch: { id: 'seconds' } })
    // @ts-expect-error
    rest({ url, schema: order, epoch: { updated_at: 'minutes' } })
  })

  it('makes rows of items, which are what they are said to be', () => {
    const flag = schema('id int not null')
    rest({
      url,
      schema: flag,
      row: (item) => {
        expectTypeOf(item).toEqualTypeOf<Readonly<Record<string, unknown>>>()
        return { id: Number(item.id) }
      },
    })
    rest({ url, schema: flag, row: ([id]: readonly [number, string]) => ({ id }) })
    rest({ url, schema: flag, row: (item: { no: number }, { station }) => ({ id: item.no + Number(station) }) })
    // @ts-expect-error
    rest({ url, schema: flag, row: () => ({ id: '1' }) })
    // @ts-expect-error
    rest({ url, schema: flag, row: () => ({}) })
  })

  it('refuses options of another type', () => {
    // @ts-expect-error
    rest({ schema: order })
    // @ts-expect-error
    rest({ url })
    // @ts-expect-error
    rest({ url, schema: order, pagination: 'cursor' })
    // @ts-expect-error
    rest({ url, schema: order, paginate: true })
    // @ts-expect-error
    rest({ url, schema: order, body: { xml: '' } })
  })
})
