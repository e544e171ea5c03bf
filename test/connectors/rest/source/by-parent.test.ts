import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import { byParent } from '../../../../src/connectors/rest/source/by-parent.ts'
import { restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { OptionError } from '../../../../src/errors.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import { type Api, fakeClient } from './fake-client.ts'
import { batched, streamed } from './run.ts'

const order = schema('id bigint not null, at timestamp not null, customer string')
const line = schema('id bigint not null, no int not null, customer string')
type Line = RowOf<typeof line>

const noon = Date.UTC(2026, 0, 1, 12)
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()

interface Order {
  id: number
  at: string
  customer: string | null
  lines: number
}
const orderOf = (id: number, seconds: number, lines: number): Order => ({
  id,
  at: iso(seconds),
  customer: `c${id}`,
  lines,
})

/** `/orders?since=` by time, and `/orders/:id/lines`; two rows a page. */
const api =
  (orders: readonly Order[]): Api =>
  ({ path, query }) => {
    const [, , id] = path.split('/')
    const rows =
      id === undefined
        ? orders.filter(({ at }) => at >= (query.since ?? '')).toSorted((a, b) => (a.at < b.at ? -1 : 1))
        : Array.from({ length: orders.find((one) => one.id === Number(id))?.lines ?? 0 }, (_, no) => ({ no }))
    const first = Number(query.offset ?? 0)
    return { body: rows.slice(first, first + 2) }
  }

/** Without a cap one run goes over all pages, which don't move here. */
const cursor = { field: 'at', key: 'id', param: 'since', cap: Infinity } as const
const source = (orders: readonly Order[] | Api, cut = 2) => {
  const client = fakeClient(typeof orders === 'function' ? orders : api(orders))
  const made = restSource(
    {
      url: 'http://api/orders/{id}/lines',
      schema: line,
      pagination: offsetLimit(),
      partitions: byParent({
        url: 'http://api/orders',
        schema: order,
        pagination: offsetLimit(),
        cursor,
        cut: { size: cut },
      }),
    },
    () => client,
  ) as Required<ReturnType<typeof restSource<Line, never>>>
  return Object.assign(made, { client })
}
const shown = (rows: readonly Line[]): string[] => rows.map(({ id, no }) => `${id}.${no}`)

describe('byParent', () => {
  it('reads the children of every parent as a batch, with the columns of the parent where they lack them', async () => {
    const sink = await batched(source([orderOf(1, 0, 3), orderOf(2, 1, 0), orderOf(3, 2, 1)]))
    expect(sink.rows).toEqual([
      { id: 1n, no: 0, customer: 'c1' },
      { id: 1n, no: 1, customer: 'c1' },
      { id: 1n, no: 2, customer: 'c1' },
      { id: 3n, no: 0, customer: 'c3' },
    ])
  })

  it('has no children of a parent that is gone, where that is ignored', async () => {
    // As the client gives an answer that a filter ignores.
    const gone: Api = (asked, count) =>
      asked.path.includes('/2/') ? { status: 204, body: null } : counted(asked, count)
    const counted: Api = (asked, count) => {
      const { body } = api([orderOf(1, 0, 3), orderOf(2, 1, 2), orderOf(3, 2, 1)])(asked, count) as { body: object[] }
      return asked.path === '/orders' ? { body } : { body: { items: body, total: asked.path.includes('/1/') ? 3 : 1 } }
    }
    for (const pagination of [
      offsetLimit({ total: 'total' }),
      pageNumber({ page: 'p', total: 'total', size: 2, limit: 'n' }),
    ]) {
      const isByPage = pagination.name === 'page'
      const client = fakeClient((asked, count) => {
        const query =
          isByPage && asked.query.p ? { ...asked.query, offset: `${(Number(asked.query.p) - 1) * 2}` } : asked.query
        return gone({ ...asked, query }, count)
      })
      const partitions = byParent({ url: 'http://api/orders', schema: order, pagination: offsetLimit(), cursor })
      const made = restSource(
        { url: 'http://api/orders/{id}/lines', schema: line, pagination, partitions },
        () => client,
      )
      const expected = ['1.0', '1.1', '1.2', '3.0']
      expect(shown((await batched(made)).rows as Line[])).toEqual(expected)
      expect(shown((await streamed(made as Required<typeof made>)).rows as Line[])).toEqual(expected)
    }
  })

  it('reads the children of parents that are new or changed as a stream', async () => {
    const orders = [orderOf(1, 0, 1), orderOf(2, 1, 2)]
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Line>()
    await streamed(source(orders), { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['1.0', '2.0', '2.1'])
    orders[0] = orderOf(1, 5, 2)
    orders.push(orderOf(3, 6, 1))
    const again = source(orders)
    await streamed(again, { checkpoint, sink })
    expect(shown(sink.rows).slice(3)).toEqual(['1.0', '1.1', '3.0'])
    // Nothing of the second order, and the parents once.
    expect(again.client.urls.filter((url) => url.includes('/2/'))).toEqual([])
    expect(again.client.urls.filter((url) => url.startsWith('/orders?'))).toEqual([
      `/orders?since=${iso(0.999)}&offset=0`,
      `/orders?since=${iso(0.999)}&offset=2`,
      `/orders?since=${iso(0.999)}&offset=3`,
      `/orders?since=${iso(5.999)}&offset=0`,
      `/orders?since=${iso(5.999)}&offset=1`,
    ])
  })

  it('lists the parents in the plan, so that a replay reads the children of the same ones', async () => {
    const orders = [orderOf(1, 0, 1), orderOf(2, 1, 1)]
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Line>()
    const dying: Api = (asked, count) => {
      if (asked.path === '/orders/2/lines') throw new Error('the process dies')
      return api(orders)(asked, count)
    }
    await expect(streamed(source(dying), { checkpoint, sink })).rejects.toThrow('the process dies')
    orders[1] = orderOf(2, 9, 2)
    const again = source(orders)
    await streamed(again, { checkpoint, sink })
    expect([...sink.batches.values()].map(shown)).toEqual([
      ['1.0', '2.0', '2.1'],
      // It changed, so its children come again.
      ['2.0', '2.1'],
    ])
    expect(again.client.urls[0]).toBe('/orders/1/lines?offset=0')
  })

  it('cuts the parents, and asks for one that is there twice once', async () => {
    const orders = [1, 2, 3, 4, 5].map((id) => orderOf(id, id, 1))
    const made = source(orders, 2)
    expect(
      await streamed(made, { limit: { maxRows: 4 } }).then(({ batches }) => [...batches.values()].map(shown)),
    ).toEqual([['1.0', '2.0', '3.0', '4.0'], ['5.0']])
    const twice = source(({ path, query }) => {
      if (path !== '/orders') return { body: query.offset === '0' ? [{ no: 0 }] : [] }
      return { body: query.offset === '0' ? [orderOf(1, 0, 1), orderOf(1, 5, 1)] : [] }
    })
    expect(shown((await batched(twice)).rows)).toEqual(['1.0'])
  })

  it('without a cursor is for batches', async () => {
    const made = restSource(
      {
        url: 'http://api/orders/{id}/lines',
        schema: line,
        headers: { accept: 'application/json' },
        pagination: offsetLimit(),
        partitions: byParent({ url: 'http://api/orders', schema: order, pagination: offsetLimit() }),
      },
      () => client,
    )
    const client = fakeClient(api([orderOf(1, 0, 1)]))
    expect(made.streamReader).toBeUndefined()
    expect(shown((await batched(made)).rows)).toEqual(['1.0'])
    // Whoever asks for the children asks for the parents.
    expect(client.asked[0]?.request.headers).toEqual({ accept: 'application/json' })
  })

  it('says which field a parent lacks', async () => {
    const made = restSource(
      {
        url: 'http://api/orders/{customer}',
        schema: line,
        partitions: byParent({ url: 'http://api/orders', schema: order, pagination: offsetLimit() }),
      },
      () =>
        fakeClient(({ query }) => ({ body: query.offset === '0' ? [{ ...orderOf(1, 0, 1), customer: null }] : [] })),
    )
    await expect(batched(made)).rejects.toThrow('option "url" has {customer}, and there are only id, at')
  })

  it.each<[() => unknown, string]>([
    [
      () => byParent({ url: 'http://api', schema: order, cursor: { field: 'AT' as never, key: 'id' } }),
      'the schema has no column "AT"',
    ],
    [() => byParent({ schema: order } as never), 'byParent: option "url" is missing'],
    [() => byParent({ url: 'http://api', schema: order, cut: 0 }), 'option "cut" must be'],
    [() => byParent({ url: 'http://api', schema: order, partitions: 1 } as never), 'unknown option "partitions"'],
    [
      () =>
        restSource(
          {
            url: 'http://api/{id}',
            schema: line,
            cursor: { field: 'id', key: 'id' },
            partitions: byParent({ url: 'http://api', schema: order }) as never,
          },
          () => fakeClient(() => ({ body: [] })),
        ),
      'with "byParent" the cursor is the parents\': give it to byParent',
    ],
  ])('refuses mistakes (%#)', (call, message) => {
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })
})
