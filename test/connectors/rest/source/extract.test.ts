import { Readable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { HttpError, PaginationReset } from '../../../../src/connectors/rest/http/http-error.ts'
import type { HttpClient } from '../../../../src/connectors/rest/http/types.ts'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { OpenAnswers } from '../../../../src/connectors/rest/pagination/run-watch.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { extractOf } from '../../../../src/connectors/rest/source/extract.ts'
import { answerTo } from '../../../../src/connectors/rest/source/question.ts'
import type { ResourceOptions } from '../../../../src/connectors/rest/source/resource.ts'
import { type RestStream, restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { rowsOf } from '../../../../src/connectors/rest/source/slicing.ts'
import { fromResult } from '../../../../src/result.ts'
import { schema } from '../../../../src/schema.ts'
import { readAllAvailable } from '../../../../src/source.ts'
import { type Api, type Asked, fakeClient } from './fake-client.ts'
import { batched, streamed } from './run.ts'

const item = schema('id int not null')
const live = new AbortController().signal

function extractFrom<Row extends object>(resource: Omit<ResourceOptions<Row>, 'url'>, api: Api | HttpClient) {
  const client = typeof api === 'function' ? fakeClient(api) : api
  return extractOf(
    { owner: 'rest', client, open: new OpenAnswers(32), now: () => 0 },
    { url: 'http://api/items', ...resource },
  )
}

async function readAll<Row extends object>(extract: ReturnType<typeof extractFrom<Row>>): Promise<readonly Row[]> {
  const rows: Row[] = []
  for await (const chunk of rowsOf(extract, extract.request, live)) rows.push(...chunk)
  return rows
}

describe('a resource', () => {
  it('has its items where it is said', async () => {
    const body = { data: { rows: [{ id: 1 }] }, other: [] }
    expect(
      await readAll(extractFrom({ schema: item, records: 'data.rows', pagination: singlePage() }, () => ({ body }))),
    ).toEqual([{ id: 1 }])
  })

  it.each([
    ['decimal(30,10)', '#'],
    ['array<decimal(30,10)>', '[#]'],
    ['map<string, decimal(30,10)>', '{"a":#}'],
    ['struct<a: decimal(30,10)>', '{"a":#}'],
  ])('keeps the digits of %s', async (type, shape) => {
    const digits = '12345678901234567.0123456789'
    const body = (value: string): string => `[{"c":${shape.replace('#', value)}}]`
    const client = fakeClient(() => ({ body: 0 }))
    const raw: HttpClient = {
      ...client,
      send: (request, take, options) =>
        client.send(
          request,
          (response) => take({ ...response, body: Readable.from([Buffer.from(body(digits))]) }),
          options,
        ),
    }
    const rows = await readAll(extractFrom({ schema: schema(`c ${type}` as string), pagination: singlePage() }, raw))
    expect(JSON.stringify(rows)).toBe(body(`"${digits}"`))
  })

  it('has no more pages than it may', async () => {
    const endless: Api = ({ query }) => ({ body: [{ id: Number(query.offset) }, { id: Number(query.offset) + 1 }] })
    const extract = extractFrom({ schema: item, pagination: offsetLimit(), maxPages: 3 }, endless)
    await expect(readAll(extract)).rejects.toThrow('expected the last page within 3')
  })

  it.each([
    ['string', '#'],
    ['array<string>', '[#]'],
    ['map<string, string>', '{"a":#}'],
    ['struct<a: varchar(50)>', '{"a":#}'],
  ])('keeps the digits of a number that becomes %s', async (type, shape) => {
    for (const digits of ['12345678901234.5678', '0.1000000000000000055', '12345678901234567.0', '1.50', '7']) {
      const body = `[{"c":${shape.replace('#', digits)},"d":0.30000000000000004,"e":1.2345678901234567}]`
      const client = fakeClient(() => ({ body: 0 }))
      const raw: HttpClient = {
        ...client,
        send: (request, take, options) =>
          client.send(request, (response) => take({ ...response, body: Readable.from([Buffer.from(body)]) }), options),
      }
      const columns = schema(`c ${type}, d double, e double` as string)
      const rows = await readAll(extractFrom({ schema: columns, pagination: singlePage() }, raw))
      // A zero at the end says nothing.
      const text = digits === '1.50' ? '1.5' : digits
      expect(rows).toEqual([
        { c: JSON.parse(shape.replace('#', `"${text}"`)), d: 0.30000000000000004, e: 1.2345678901234567 },
      ])
    }
  })

  it('has no more pages than it may in one batch of a stream, however many these are', async () => {
    const event = schema('id int not null, at timestamp not null')
    const row = (id: number) => ({ id, at: new Date(id).toISOString() })
    const made = (maxPages: number) =>
      restSource(
        {
          url: 'http://api/items',
          schema: event,
          pagination: cursorPagination({ param: 'page', next: 'next' }),
          records: 'items',
          maxPages,
          cursor: { field: 'at', key: 'id', param: 'since', format: 'milliseconds' },
        },
        () =>
          fakeClient(({ query }) => {
            const first = Number(query.since ?? 0) + 2 * Number(query.page ?? 0)
            return {
              body: { items: [row(first), row(first + 1)], next: first < 38 ? Number(query.page ?? 0) + 1 : null },
            }
          }),
      ) as RestStream<{ id: number; at: Date }>
    // Four rows a batch are two pages, and one that is asked for ahead.
    const { rows } = await streamed(made(5), { limit: { maxRows: 4 } })
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, id) => id))
    await expect(streamed(made(5), { limit: { maxRows: 40 } })).rejects.toThrow('expected the last page within 5')
  })

  it('takes columns that an item lacks from what it is about, and no others', async () => {
    const columns = schema('id int not null, station string, height int')
    const extract = extractFrom({ schema: columns, pagination: singlePage() }, () => ({
      body: [{ id: 1 }, { id: 2, station: 'own' }, { id: 3, station: null }],
    })).of({ station: 'oslo', other: 'x' })
    expect(await readAll(extract)).toEqual([
      { id: 1, station: 'oslo', height: null },
      { id: 2, station: 'own', height: null },
      { id: 3, station: null, height: null },
    ])
  })
})

describe('a pagination that is lost', () => {
  const lost = (after: number): HttpClient => {
    let count = 0
    const client = fakeClient(({ query }) => {
      const first = Number(query.offset)
      return { body: [0, 1, 2, 3, 4, 5, 6, 7].slice(first, first + 2).map((id) => ({ id })) }
    })
    return {
      ...client,
      send: (...args) => {
        if (++count === after)
          return Promise.reject(new PaginationReset('is lost', { method: 'GET', url: 'http://api', retryable: false }))
        return client.send(...args)
      },
    }
  }

  it('before there were rows begins again', async () => {
    expect(await readAll(extractFrom({ schema: item, pagination: offsetLimit() }, lost(1)))).toHaveLength(8)
  })

  it('after there were rows fails the attempt: the next one begins with none', async () => {
    const reading = readAll(extractFrom({ schema: item, pagination: offsetLimit() }, lost(2)))
    await expect(reading).rejects.toMatchObject({ retryable: true })
    const client = lost(2)
    const source = restSource({ url: 'http://api/items', schema: item, pagination: offsetLimit() }, () => client)
    const sink = await batched(source, { retry: { maxAttempts: 2, initialDelayMs: 0 } })
    expect(sink.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it.each(['ascending', 'unsorted'] as const)('gives every row once where a cursor knows them (%s)', async (sorted) => {
    const client = lost(4)
    const made = restSource(
      {
        url: 'http://api/items',
        schema: item,
        pagination: offsetLimit(),
        cursor: { field: 'id', key: 'id', sorted, lookback: 8 },
      },
      () => client,
    ) as RestStream<{ id: number }>
    expect((await streamed(made)).rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })
})

describe('a question', () => {
  it('inherits of the request what it does not say, and parameters only at the same URL', async () => {
    const client = fakeClient(() => ({ body: { max: 7, none: null }, headers: { 'x-total': '9' } }))
    const extract = extractOf(
      { owner: 'rest', client, open: new OpenAnswers(32), now: () => 0 },
      { url: 'http://api/{key}/items', schema: item, params: { a: '1' }, headers: { h: 'x' } },
    ).of({ key: 'k' })
    expect(await answerTo(extract, { value: 'max' }, live)).toBe(7)
    expect(await answerTo(extract, { url: 'http://api/{key}/stats', value: { header: 'x-total' } }, live)).toBe('9')
    expect(await answerTo(extract, { params: { b: '{key}' }, value: 'none' }, live)).toBeNull()
    expect(client.urls).toEqual(['/k/items?a=1', '/k/stats', '/k/items?b=k'])
    expect(client.asked.map(({ request }) => request.headers)).toEqual([{ h: 'x' }, { h: 'x' }, { h: 'x' }])
    await expect(answerTo(extract, { value: 'nothing' }, live)).rejects.toThrow(
      'expected a value at nothing in the answer of',
    )
  })

  it('fails as the client does', async () => {
    const error = new HttpError('is gone', { method: 'GET', url: 'http://api', status: 410, retryable: false })
    const client = fakeClient(() => {
      throw error
    })
    await expect(answerTo(extractFrom({ schema: item }, client), { value: 'max' }, live)).rejects.toBe(error)
  })
})

describe('a reader', () => {
  const waiting = () => {
    const client = fakeClient(async ({ signal }) => {
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      return { body: [] }
    })
    const options = { url: 'http://api/items', schema: item, pagination: singlePage() }
    return { client, options }
  }

  it('ends a read when its signal says so', async () => {
    const { client, options } = waiting()
    const reader = restSource(options, () => client).reader()
    const controller = new AbortController()
    const chunks = reader.read({}, { signal: controller.signal } as never) as AsyncIterable<unknown>
    const reading = chunks[Symbol.asyncIterator]().next()
    while (client.asked.length === 0) await Promise.resolve()
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })

  it('ends what it keeps open when it is stopped, and closes its client', async () => {
    const client = fakeClient(({ query }) => ({ body: [{ id: Number(query.offset) }] }))
    const source = restSource(
      { url: 'http://api/items', schema: item, pagination: offsetLimit(), cursor: { field: 'id', key: 'id' } },
      () => client,
    ) as RestStream<{ id: number }>
    const reader = source.streamReader()
    await lastValueFrom(fromResult('port', () => reader.latestOffset({}, { ...readAllAvailable, maxRows: 3 })))
    const { signal } = client.asked.at(-1) as Asked
    expect(signal?.aborted).toBe(false)
    await reader.stop?.()
    expect(signal?.aborted).toBe(true)
    expect(client.closed).toBe(true)
  })
})
