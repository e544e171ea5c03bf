import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { lastValueFrom, take, tap, timeout } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { byIds } from '../../../../src/connectors/rest/source/by-ids.ts'
import { byItems } from '../../../../src/connectors/rest/source/by-items.ts'
import { byTime } from '../../../../src/connectors/rest/source/by-time.ts'
import type { RestOptions } from '../../../../src/connectors/rest/source/options.ts'
import { rest } from '../../../../src/connectors/rest/source/rest.ts'
import type { RestStream, WithPositions } from '../../../../src/connectors/rest/source/rest-source.ts'
import { OptionError, RowError } from '../../../../src/errors.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import type { PartitionWriter, StreamWriter } from '../../../../src/sink.ts'
import { read, readStream } from '../../../../src/stream.ts'
import { processingTime } from '../../../../src/trigger.ts'
import { collection, expiringTokens } from '../../../support/http-apis.ts'
import { resetMidBody, silence, status, tooManyRequests, truncated } from '../../../support/http-faults.ts'
import { type HttpServer, httpServer } from '../../../support/http-server.ts'
import { batched, streamed } from './run.ts'

const order = schema('id int not null, at timestamp not null, total decimal(10,2), note string')
type Order = RowOf<typeof order>

const noon = Date.UTC(2026, 0, 1, 12)
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()

interface Item {
  readonly id: number
  readonly at: string
  readonly total: number
}
/** `perSecond` of them share a time. */
const itemsOf = (count: number, perSecond = 3): Item[] =>
  Array.from({ length: count }, (_, id) => ({ id, at: iso(Math.floor(id / perSecond)), total: id / 4 }))

let server: HttpServer
beforeEach(async () => {
  server = await httpServer()
})
afterEach(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

/** The API of the tests: `at_gte`, `sort`, pages by an opaque cursor. */
const orders = (items: Item[], over: object = {}): RestStream<Order> => {
  server.routes.set(
    '/orders',
    collection(() => items as never[], { paging: 'cursor', pageSize: 4 }),
  )
  const options: RestOptions<Order> & WithPositions<Order> = {
    url: `${server.url}/orders`,
    params: { sort: 'at' },
    schema: order,
    pagination: cursorPagination({ param: 'cursor', next: 'next_cursor' }),
    cursor: { field: 'at', key: 'id', param: 'at_gte' },
    retry: { initialDelayMs: 1, maxDelayMs: 5 },
  }
  return rest({ ...options, ...over })
}
/** In the order of the numbers: rows of one time come in that of their keys, as texts. */
const idsOf = (rows: readonly { readonly id: number }[]): number[] => rows.map(({ id }) => id).sort((a, b) => a - b)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id)

describe('rest over HTTP', () => {
  it('gives rows of its schema, as a stream and as a batch', async () => {
    const source = orders(itemsOf(10))
    const expected = itemsOf(10).map(({ id, at, total }) => ({
      id,
      at: new Date(at),
      total: String(total),
      note: null,
    }))
    expect((await streamed(source)).rows).toEqual(expected)
    expect((await batched(source)).rows).toEqual(expected)
    expect(source.name).toBe('rest')
  })

  it('survives what goes wrong on the way, and gives every row once', async () => {
    server.fault(status(503), { path: '/orders', n: 1 })
    server.fault(tooManyRequests(0), { path: '/orders', n: 3 })
    server.fault(resetMidBody(), { path: '/orders', n: 5 })
    server.fault(truncated(), { path: '/orders', n: 7 })
    const sink = await streamed(orders(itemsOf(23)), { limit: { maxRows: 7 } })
    expect(idsOf(sink.rows)).toEqual(upTo(23))
    expect(sink.batches.size).toBe(4)
  })

  it('fetches each page once over many batches, and nothing that is committed again', async () => {
    const items = itemsOf(40)
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Order>()
    await streamed(orders(items), { checkpoint, sink, limit: { maxRows: 9 } })
    expect(idsOf(sink.rows)).toEqual(upTo(40))
    // Ten pages of one run, and the question whether there is more.
    expect(server.requests.filter(({ query }) => !query.has('at_gte'))).toHaveLength(10)
    expect(server.requests.filter(({ query }) => query.has('at_gte'))).toHaveLength(1)
    server.requests.length = 0
    items.push({ id: 40, at: iso(13), total: 0 }, { id: 41, at: iso(99), total: 0 })
    await streamed(orders(items), { checkpoint, sink })
    expect(idsOf(sink.rows)).toEqual(upTo(42))
    expect(server.requests.map(({ query }) => query.get('at_gte'))).toEqual([iso(12.999), iso(98.999)])
  })

  it('goes on where it was when it is killed in the middle of an extract', async () => {
    const items = itemsOf(40)
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Order>()
    server.fault(status(400), { path: '/orders', n: 6 })
    // Begun again where it was, it is refused again: the run is over.
    server.fault(status(400), { path: '/orders', n: (n) => n === 7 })
    await expect(streamed(orders(items), { checkpoint, sink, limit: { maxRows: 5 } })).rejects.toThrow('400')
    const committed = sink.rows.length
    expect(committed).toBeGreaterThan(9)
    server.heal()
    server.requests.length = 0
    await streamed(orders(items), { checkpoint, sink, limit: { maxRows: 5 } })
    expect(idsOf(sink.rows)).toEqual(upTo(40))
    for (const { query } of server.requests) expect(query.get('at_gte') ?? '').not.toBe('')
  })

  it('goes on where an API gives no more than so many rows to a query', async () => {
    const items = itemsOf(350)
    server.routes.set(
      '/capped',
      collection(() => items as never[], { paging: 'offset', pageSize: 40, cap: 100 }),
    )
    const source = orders(items, {
      url: `${server.url}/capped`,
      records: 'items',
      pagination: offsetLimit({ size: 40 }),
      cursor: { field: 'at', key: 'id', param: 'at_gte', cap: 100 },
    })
    const sink = await streamed(source, { limit: { maxRows: 64 } })
    expect(idsOf(sink.rows)).toEqual(upTo(350))
    expect(server.requestsTo('/capped').filter(({ query }) => Number(query.get('offset')) >= 80)).toEqual([])
  })

  it('asks for no more than the sink has room for', async () => {
    const source = orders(itemsOf(400))
    let release: (() => void) | undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const sink = memorySink<Order>()
    const slow = (): StreamWriter<Order, readonly Order[]> => {
      const writer = sink.streamWriter()
      return {
        ...writer,
        open: (context) => {
          const partition = writer.open(context) as PartitionWriter<Order, readonly Order[]>
          return {
            ...partition,
            write: async (rows) => {
              await released
              return partition.write(rows)
            },
          }
        },
      }
    }
    const run = lastValueFrom(read(source).write(slow, { retry: { maxAttempts: 1 } }))
    while (server.requests.length < 2) await sleep(5)
    let before = -1
    while (server.requests.length !== before) {
      before = server.requests.length
      await sleep(50)
    }
    // One page is being written, two wait for it, one is on its way, and one is asked for ahead.
    expect(before).toBeLessThanOrEqual(5)
    release?.()
    await run
    expect(idsOf(sink.rows)).toEqual(upTo(400))
  })

  it('renews a token that runs out in the middle, and goes on', async () => {
    const tokens = expiringTokens({ uses: 3 })
    server.routes.set('/token', tokens.token)
    const items = itemsOf(40)
    server.routes.set('/guarded', tokens.guard(collection(items as never[], { pageSize: 4 })))
    const source = orders(items, {
      url: `${server.url}/guarded`,
      auth: oauth2ClientCredentials({
        tokenUrl: `${server.url}/token`,
        clientId: 'client',
        clientSecret: 's3cret',
      }),
    })
    expect(idsOf((await streamed(source, { limit: { maxRows: 10 } })).rows)).toEqual(upTo(40))
    expect(tokens.issued).toBeGreaterThan(2)
  })

  it('reads slices side by side, and each by itself', async () => {
    const rows = upTo(100).map((id) => ({ id }))
    const records = collection(rows, { paging: 'offset', pageSize: 10 })
    server.routes.set('/records', async (request) => {
      await sleep(5)
      return records(request)
    })
    server.routes.set('/stats', () => ({ body: { max_id: 99 } }))
    const source = rest({
      url: `${server.url}/records`,
      schema: schema('id int not null'),
      pagination: offsetLimit({ size: 10, total: 'total' }),
      partitions: byIds({
        params: { from: 'id_gte', to: 'id_lt' },
        max: { url: `${server.url}/stats`, value: 'max_id' },
        cut: { size: 20 },
        field: 'id',
      }),
    })
    expect(idsOf((await streamed(source, { concurrency: 5 })).rows)).toEqual(upTo(100))
    expect(server.requestsTo('/records')).toHaveLength(10)
    expect(server.mostAtOnce).toBeGreaterThan(1)
  })

  it('halves windows that the API refuses with 413', async () => {
    server.routes.set('/events', ({ query }) => {
      const [start, end] = [query.get('start') ?? '', query.get('end') ?? '']
      const found = itemsOf(20, 1).filter(({ at }) => at >= start && at < end)
      return found.length > 4 ? { status: 413, body: { error: 'too large' } } : { body: found }
    })
    const source = rest({
      url: `${server.url}/events`,
      schema: order,
      partitions: byTime({
        params: { from: 'start', to: 'end' },
        from: iso(0),
        safetyLag: 0,
        head: () => noon + 20_000,
        field: 'at',
      }),
    })
    expect(idsOf((await streamed(source)).rows)).toEqual(upTo(20))
  })

  it('uses one client, with who asks, for lists and questions, too', async () => {
    server.routes.set('/a/items', collection([{ id: 1 }], { paging: 'none' }))
    server.routes.set('/b/items', collection([{ id: 2 }], { paging: 'none' }))
    const source = rest({
      url: `${server.url}/{key}/items`,
      schema: schema('key string not null, id int not null'),
      auth: bearer('t0p-secret-t0ken'),
      partitions: byItems(async () => ['a', 'b']),
    })
    expect((await batched(source)).rows).toEqual([
      { key: 'a', id: 1 },
      { key: 'b', id: 2 },
    ])
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(
      Array(2).fill('Bearer t0p-secret-t0ken'),
    )
  })

  it('refuses a row that does not fit, by its column', async () => {
    const source = orders([{ id: 1, at: iso(0), total: 'much' as never }])
    const error = await streamed(source).catch((reason: unknown) => reason as Error & { cause: unknown })
    expect((error as Error & { cause: unknown }).cause).toBeInstanceOf(RowError)
    expect(String(error)).toContain('column "total": expected decimal(10,2), found a string that holds no such number')
  })

  it('aborts what is under way when nobody listens any more', async () => {
    let left: (() => void) | undefined
    const gone = new Promise<void>((resolve) => {
      left = resolve
    })
    const source = orders(itemsOf(1))
    server.fault(async ({ response }) => {
      response.once('close', () => left?.())
      await gone
    })
    const query = readStream(source).writeStream(memorySink<Order>(), {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: processingTime('10 milliseconds'),
    })
    const subscription = query.subscribe()
    while (server.mostAtOnce === 0) await sleep(5)
    subscription.unsubscribe()
    await gone
  })

  it('polls, and each round sees what is new', async () => {
    const items = itemsOf(3)
    const sink = memorySink<Order>()
    const query = readStream(orders(items)).writeStream(sink, {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: processingTime('5 milliseconds'),
    })
    const rounds = query.pipe(
      tap(() => items.push({ id: items.length, at: iso(0), total: 0 })),
      take(3),
      timeout(20_000),
    )
    await lastValueFrom(rounds)
    expect(idsOf(sink.rows)).toEqual([0, 1, 2, 3, 4])
  })

  it('shows no secret in its errors, nor when it is printed', async () => {
    server.fault(status(403, {}, { error: 'token=t0p-secret-t0ken is not good' }), {})
    const source = rest({
      url: `${server.url}/orders?api_key=t0p-secret-key`,
      schema: order,
      cursor: { field: 'at', key: 'id', param: 'since' },
      auth: bearer('t0p-secret-t0ken'),
      pagination: offsetLimit(),
    })
    expect(inspect(source, { depth: 10, showHidden: true })).not.toContain('t0p-secret')
    const error = await streamed(source).catch((reason: unknown) => reason)
    expect(String(error)).toContain('403')
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('t0p-secret')
  })

  it.each<[object, string]>([
    [{ retry: { maxAttempts: 0 } }, 'option "maxAttempts" must be'],
    [{ timeout: 'soon' }, 'option "timeout" must be'],
    [{ timeZone: 'Mars/Olympus' }, 'option "timeZone" must be a name from the time zone database'],
    [{ epoch: { at: 'minutes' } }, 'option "epoch" must be columns with one of'],
    [{ records: 7 }, 'option "records" must be a path or a function'],
    [{ schema: undefined }, 'rest: option "schema" is missing'],
    [{ url: '/orders' }, 'option "url" must be an absolute URL (http or https) without user and password'],
    [{ url: 'ftp://127.0.0.1/{id}' }, 'option "url" must be an absolute URL'],
    [{ url: 'http://user:t0p-secret@127.0.0.1' }, 'without user and password, and it is "http://***@127.0.0.1"'],
    [{ urls: 'x' }, 'unknown option "urls"; did you mean "url"?'],
    [{ cursor: { field: 'at' } }, 'rest: cursor: option "key" is missing'],
  ])('refuses %o at once', (over, message) => {
    const make = () => orders([], over)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
  })
})

describe('time-outs', () => {
  it('end a request that is never answered, and another attempt gets through', async () => {
    server.fault(silence(), { path: '/orders', n: 1 })
    const source = orders(itemsOf(2), { timeout: { headers: '100 milliseconds' } })
    expect(idsOf((await streamed(source)).rows)).toEqual([0, 1])
  })
})
