import { lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import { restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { fromResult } from '../../../../src/result.ts'
import { schema } from '../../../../src/schema.ts'
import { type Api, fakeClient, offsetPage } from './fake-client.ts'
import { batched } from './run.ts'

const item = schema('id int not null')
const items = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))
const url = 'http://api/items'

describe('a source without positions', () => {
  it('is read over all of its pages', async () => {
    const rows = items(7)
    const client = fakeClient(({ query }) => {
      const first = Number(query.cursor ?? 0)
      return { body: { items: rows.slice(first, first + 3), next: first + 3 < 7 ? first + 3 : null } }
    })
    const pagination = cursorPagination({ param: 'cursor', next: 'next' })
    const sink = await batched(restSource({ url, schema: item, pagination }, () => client))
    expect(sink.rows).toEqual(rows)
    expect(client.urls).toEqual(['/items', '/items?cursor=3', '/items?cursor=6'])
    expect(client.closed).toBe(true)
  })

  it('has no stream', () => {
    const source = restSource({ url, schema: item }, () => fakeClient(() => ({ body: [] })))
    expect(source.streamReader).toBeUndefined()
  })

  it('is read page by page side by side where the first page tells how many there are, each page once', async () => {
    const rows = items(10)
    let [open, most] = [0, 0]
    const api: Api = async (asked) => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve, 5))
      open--
      return offsetPage(rows, asked)
    }
    const client = fakeClient(api)
    const pagination = offsetLimit({ size: 3, total: 'total' })
    const sink = await batched(restSource({ url, schema: item, records: 'items', pagination }, () => client))
    expect(sink.rows).toEqual(rows)
    expect(client.urls.toSorted()).toEqual([
      '/items?offset=0&limit=3',
      '/items?offset=3&limit=3',
      '/items?offset=6&limit=3',
      '/items?offset=9&limit=1',
    ])
    expect(most).toBe(3)
  })

  it('is not read over pages that vanish meanwhile: the last one may be short, not empty', async () => {
    const shrinking = (after: number) => {
      const client = fakeClient((asked, count) => offsetPage(items(count > 1 ? after : 6), asked))
      const pagination = offsetLimit({ size: 3, total: 'total' })
      return batched(restSource({ url, schema: item, records: 'items', pagination }, () => client))
    }
    expect((await shrinking(5)).rows).toHaveLength(5)
    await expect(shrinking(3)).rejects.toThrow('expected a page of some rows, as the first page tells, found 0')
  })

  it('has no rows where the first answer has no body, also where pages are read side by side', async () => {
    for (const pagination of [offsetLimit({ size: 3, total: 'total' }), pageNumber({ totalPages: 'pages' })]) {
      const client = fakeClient(() => ({ status: 204, body: null }))
      const sink = await batched(restSource({ url, schema: item, records: 'items', pagination }, () => client))
      expect(sink.rows).toEqual([])
      expect(client.urls).toHaveLength(1)
    }
  })

  it('asks for the first page once, also where it tells nothing', async () => {
    const client = fakeClient(() => ({ body: items(3) }))
    const sink = await batched(restSource({ url, schema: item }, () => client))
    expect(sink.rows).toEqual(items(3))
    expect(client.urls).toEqual(['/items'])
  })

  it('is asked for again where a partition fails', async () => {
    const client = fakeClient((asked, count) => (count === 3 ? { status: 500, body: '' } : offsetPage(items(6), asked)))
    const source = restSource(
      { url, schema: item, records: 'items', pagination: offsetLimit({ size: 2, total: 'total' }) },
      () => client,
    )
    const retry = { maxAttempts: 2, initialDelayMs: 0, retryable: () => true }
    expect((await batched(source, { retry, concurrency: 1 })).rows).toEqual(items(6))
    expect(client.asked).toHaveLength(4)
  })

  it('puts several pages in a partition where there are many', async () => {
    const client = fakeClient((asked) => offsetPage(items(2_500), asked))
    const source = restSource(
      { url, schema: item, records: 'items', pagination: offsetLimit({ size: 1, total: 'total' }) },
      () => client,
    )
    const sink = await batched(source)
    expect(sink.rows).toEqual(items(2_500))
    expect(client.asked).toHaveLength(2_500)
    const partitions = await lastValueFrom(fromResult('port', () => source.reader().partitions()))
    expect(partitions.length).toBeLessThanOrEqual(1_001)
    expect(partitions[1]).toEqual({ pages: [1, 2, 3].map((offset) => ({ offset, limit: 1 })), rows: 1 })
  })
})
