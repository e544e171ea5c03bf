import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { byIds, type IdOptions } from '../../../../src/connectors/rest/source/by-ids.ts'
import { restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { OptionError } from '../../../../src/errors.ts'
import { schema } from '../../../../src/schema.ts'
import { type Api, type Asked, fakeClient, offsetPage } from './fake-client.ts'
import { batched, streamed } from './run.ts'

const record = schema('id int not null')
const url = 'http://api/records'

/** `id_gte`, `id_gt`, `id_lt` and `id_lte`, in pages; and `/stats` with the greatest id. */
const table =
  (ids: readonly number[]): Api =>
  (asked) => {
    if (asked.path === '/stats') return { body: { max_id: ids.length === 0 ? null : Math.max(...ids) } }
    return offsetPage(within(ids, asked), asked)
  }

function within(ids: readonly number[], { query }: Asked): readonly { readonly id: number }[] {
  const { id_gte = -Infinity, id_gt = -Infinity, id_lt = Infinity, id_lte = Infinity } = query
  return ids
    .filter((id) => id >= Number(id_gte) && id > Number(id_gt) && id < Number(id_lt) && id <= Number(id_lte))
    .map((id) => ({ id }))
}

const options: IdOptions<'id'> = {
  params: { from: 'id_gte', to: 'id_lt' },
  max: { url: 'http://api/stats', value: 'max_id' },
}
const source = (api: Api, over: Partial<IdOptions<'id'>> = {}, client = fakeClient(api)) =>
  Object.assign(
    restSource(
      {
        url,
        schema: record,
        records: 'items',
        pagination: offsetLimit({ size: 3 }),
        partitions: byIds({ ...options, ...over }),
      },
      () => client,
    ) as Required<ReturnType<typeof restSource<{ id: number }, never>>>,
    { client },
  )
const idsOf = (rows: readonly { readonly id: number }[]): number[] => rows.map(({ id }) => id)

describe('byIds', () => {
  it('reads the greatest id, too, and every id once, whatever the gaps, the slices and the pages', async () => {
    const ids = fc.uniqueArray(fc.nat(60), { maxLength: 30 }).map((list) => list.sort((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(ids, fc.integer({ min: 1, max: 12 }), async (list, cut) => {
        const made = source(table(list), { cut, field: 'id' })
        expect(idsOf((await batched(made)).rows)).toEqual(list)
        const sink = await streamed(made, { limit: { maxRows: 7 } })
        expect(idsOf(sink.rows)).toEqual(list)
      }),
      { numRuns: 50 },
    )
  })

  it('asks for each slice by itself, over as many pages as it has', async () => {
    const made = source(table([0, 1, 2, 3, 4, 5, 6, 7]), { cut: 2 })
    expect(idsOf((await batched(made, { concurrency: 1 })).rows)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(made.client.urls).toEqual([
      '/stats',
      '/records?id_gte=0&id_lt=4&offset=0&limit=3',
      '/records?id_gte=0&id_lt=4&offset=3&limit=3',
      '/records?id_gte=0&id_lt=4&offset=4&limit=3',
      '/records?id_gte=4&id_lt=8&offset=0&limit=3',
      '/records?id_gte=4&id_lt=8&offset=3&limit=3',
      '/records?id_gte=4&id_lt=8&offset=4&limit=3',
    ])
  })

  it.each<[string, Partial<IdOptions<'id'>>, string]>([
    [
      'exclusive start, inclusive end',
      { params: { from: 'id_gt', to: 'id_lte' }, start: 'exclusive', end: 'inclusive' },
      '/records?id_gt=9&id_lte=11&offset=0&limit=3',
    ],
    [
      'a function',
      { params: ({ from, to }, request) => ({ ...request, params: { id_gte: from, id_lt: to } }) },
      '/records?id_gte=10&id_lt=12&offset=0&limit=3',
    ],
  ])('%s', async (_name, over, asked) => {
    const made = source(table([10, 11, 12, 13]), { ...over, min: 10, cut: { size: 2 }, field: 'id' })
    expect(idsOf((await batched(made)).rows)).toEqual([10, 11, 12, 13])
    expect(made.client.urls).toContain(asked)
  })

  it('stops at the end of a slice by itself where the API knows no end', async () => {
    const made = source(table([1, 2, 3, 5, 8, 9]), { params: { from: 'id_gte' }, cut: { size: 4 }, field: 'id' })
    expect(idsOf((await batched(made, { concurrency: 1 })).rows)).toEqual([1, 2, 3, 5, 8, 9])
    const shuffled = source(table([3, 1, 2]), { params: { from: 'id_gte' }, cut: 1, field: 'id' })
    await expect(batched(shuffled)).rejects.toThrow('rows must be sorted by id, and 1 comes after 3')
  })

  it('asks where the ids begin and end', async () => {
    const made = source(
      ({ path, query }, _count) => {
        if (path === '/stats') return { body: { min: 20 } }
        if (query.order === 'desc') return { body: [{ id: '22' }] }
        return offsetPage(within([20, 21, 22], { path, query } as Asked), { path, query } as Asked)
      },
      {
        min: { url: 'http://api/stats', value: 'min' },
        max: { params: { order: 'desc', size: 1 }, value: '0.id' },
        cut: 1,
      },
    )
    expect(idsOf((await batched(made)).rows)).toEqual([20, 21, 22])
    expect(made.client.urls.slice(0, 3)).toEqual([
      '/stats',
      '/records?order=desc&size=1',
      '/records?id_gte=20&id_lt=23&offset=0&limit=3',
    ])
    const called = source(table([5]), { min: () => 5, max: async () => 5 })
    expect(idsOf((await batched(called)).rows)).toEqual([5])
  })

  it('reads ids beyond 2^53 as a batch', async () => {
    const big = schema('id bigint not null')
    const ids = [2n ** 60n, 2n ** 60n + 1n]
    const client = fakeClient(({ query }) => ({
      body: ids
        .filter((id) => id >= BigInt(query.from as string) && id < BigInt(query.to as string))
        .map((id) => ({ id: String(id) })),
    }))
    const partitions = byIds({
      params: { from: 'from', to: 'to' },
      min: () => String(2n ** 60n - 1n),
      max: () => 2n ** 60n + 1n,
      cut: { size: 1 },
      field: 'id',
    })
    const made = restSource({ url, schema: big, pagination: singlePage(), partitions }, () => client)
    expect((await batched(made)).rows).toEqual(ids.map((id) => ({ id })))
    expect(client.urls).toContain('/records?from=1152921504606846976&to=1152921504606846977')
    await expect(streamed(made as Required<typeof made>)).rejects.toThrow('beyond 2^53')
  })

  it('has nothing to read where there are no ids', async () => {
    const made = source(table([]))
    expect((await batched(made)).rows).toEqual([])
    expect((await streamed(made)).batches.size).toBe(0)
    expect(made.client.urls.filter((asked) => asked !== '/stats')).toEqual([])
  })

  it.each([-1, '-1'])(
    'has nothing to read where the greatest id is %o, as some say of an empty table',
    async (none) => {
      const made = source(() => ({ body: { max_id: none } }))
      expect((await batched(made)).rows).toEqual([])
      expect((await streamed(made)).batches.size).toBe(0)
      expect(made.client.urls.filter((asked) => asked !== '/stats')).toEqual([])
    },
  )

  it.each([-2, '-7', -1.5])('refuses %o as the greatest id', async (max) => {
    const made = source(() => ({ body: { max_id: max } }))
    await expect(batched(made)).rejects.toThrow(`must lead to an id, an integer from 0, and it led to ${max}`)
  })

  it('has ids with wide gaps by a cursor: as many batches as there are rows for', async () => {
    const ids = [3, 2 ** 40, 2 ** 50]
    const api: Api = ({ query }) => ({
      body: ids.filter((id) => id >= Number(query.id_gte ?? 0)).map((id) => ({ id })),
    })
    const cursor = { field: 'id', key: 'id', param: 'id_gte' } as const
    const big = schema('id bigint not null')
    const made = restSource({ url, schema: big, pagination: singlePage(), cursor }, () => fakeClient(api))
    const sink = await streamed(made as Required<typeof made>, { limit: { maxRows: 2 } })
    expect([...sink.batches.values()].map((rows) => rows.map(({ id }) => Number(id)))).toEqual([
      [3, 2 ** 40],
      [2 ** 50],
    ])
  })

  it('commits as it goes, and never asks for what is committed again', async () => {
    const ids = Array.from({ length: 20 }, (_, id) => id)
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<{ id: number }>()
    let requests = 0
    const dying: Api = (asked) => {
      if (asked.path === '/stats') return { body: { max_id: 19 } }
      if (++requests === 6) throw new Error('the process dies')
      return offsetPage(within(ids, asked), asked)
    }
    const first = source(dying, { cut: 1 })
    await expect(streamed(first, { checkpoint, sink, limit: { maxRows: 6 } })).rejects.toThrow('the process dies')
    const committed = sink.rows.length
    expect(committed).toBe(6)
    const second = source(table(ids), { cut: 1 })
    await streamed(second, { checkpoint, sink, limit: { maxRows: 6 } })
    expect(idsOf(sink.rows)).toEqual(ids)
    const starts = second.client.asked.map(({ query }) => Number(query.id_gte ?? Infinity))
    expect(Math.min(...starts)).toBe(committed)
    // What appears later comes in the next run.
    ids.push(20, 21)
    await streamed(second, { checkpoint, sink, limit: { maxRows: 6 } })
    expect(idsOf(sink.rows)).toEqual(ids)
  })

  it.each<[string, Api, string]>([
    [
      'does not know the parameters',
      ({ path }) => (path === '/stats' ? { body: { max_id: 9 } } : { body: [{ id: 9 }] }),
      'rows from 0 to 2 (without it) were asked for, and one has the id 9',
    ],
    [
      'reads the end as inclusive',
      (asked) => (asked.path === '/stats' ? { body: { max_id: 9 } } : { body: [{ id: Number(asked.query.id_lt) }] }),
      'one has the id 2; does the API know the parameters, and is its convention the stated one?',
    ],
    [
      'has no such answer',
      () => ({ body: {} }),
      'expected a value at max_id in the answer of http://api/stats, found none',
    ],
    [
      'answers with no id',
      () => ({ body: { max_id: 'many' } }),
      'option "max" must lead to an id, an integer from 0, and it led to many',
    ],
  ])('is told of an API that %s', async (_name, api, message) => {
    const made = restSource(
      {
        url,
        schema: record,
        pagination: singlePage(),
        partitions: byIds({ ...options, cut: { size: 2 }, field: 'id' }),
      },
      () => fakeClient(api),
    )
    await expect(batched(made, { concurrency: 1 })).rejects.toThrow(message)
  })

  it.each<[object, string]>([
    [{ max: options.max }, 'byIds: option "params" is missing'],
    [{ params: options.params }, 'byIds: option "max" is missing'],
    [{ ...options, params: { from: 'a' } }, 'option "field" is needed, to know where it is'],
    [{ ...options, params: { form: 'a' } }, 'option "params" must be two places as { from, to }'],
    [{ ...options, min: -1 }, 'option "min" must be an integer from 0, or a question'],
    [{ ...options, cut: 0 }, 'option "cut" must be'],
  ])('refuses %o', (bad, message) => {
    expect(() => byIds(bad as never)).toThrow(OptionError)
    expect(() => byIds(bad as never)).toThrow(message)
  })

  it('refuses a column that is not there, and a cursor beside it', () => {
    const make = (over: object) => () =>
      restSource({ url, schema: record, ...over } as never, () => fakeClient(table([])))
    expect(make({ partitions: byIds({ ...options, field: 'ID' }) })).toThrow(
      'byIds: option "field" must be a column of the schema',
    )
    expect(make({ partitions: byIds(options), cursor: { field: 'id', key: 'id' } })).toThrow(
      'options "cursor" and "partitions: byIds(…)" exclude each other',
    )
  })
})
