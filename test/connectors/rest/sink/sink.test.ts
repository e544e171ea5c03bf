import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { jsonLines } from '../../../../src/connectors/json-lines/sink.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../../src/connectors/memory/source.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import type { HttpSinkOptions } from '../../../../src/connectors/rest/sink/options.ts'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import { httpSink } from '../../../../src/connectors/rest/sink/sink.ts'
import { PortError, RowError } from '../../../../src/errors.ts'
import type { QueryOptions } from '../../../../src/query-options.ts'
import { readStream } from '../../../../src/stream.ts'
import { availableNow } from '../../../../src/trigger.ts'
import { expiringTokens, idempotentStore } from '../../../support/http-apis.ts'
import {
  type Fault,
  resetAfterEffect,
  resetBeforeHeaders,
  resetMidBody,
  silence,
  status,
  tooManyRequests,
} from '../../../support/http-faults.ts'
import { type Answer, httpServer, type Route } from '../../../support/http-server.ts'
import { batchOf, contextOf, settle, startOf, writeBatch } from '../../drive.ts'

interface Row {
  readonly id: number
  readonly name: string
}

const rowsOf = (count: number): readonly Row[] => Array.from({ length: count }, (_, id) => ({ id, name: `row ${id}` }))
const idsOf = (rows: readonly unknown[]) => rows.map((row) => Number((row as Row).id)).sort((a, b) => a - b)
const upTo = (count: number) => [...new Array(count).keys()]

/** Retries at once. */
const retry = { initialDelayMs: 1, random: () => 0 }
const never: (n: number) => boolean = () => false

async function start(route: Route, path = '/rows') {
  const server = await httpServer({ [path]: route })
  onTestFinished(() => server.close())
  return { server, url: `${server.url}${path}` }
}

type Options = HttpSinkOptions<Row, readonly RefusedRow[]>

/** Reads so many rows through a query into the sink, to the end. */
async function write(count: number, sink: Options, query: Partial<QueryOptions<never>> = {}, chunkRows = 300) {
  const source = memoryStream<Row>({ partitions: 2, chunkRows })
  source.add(...rowsOf(count))
  const progress = await lastValueFrom(
    readStream(source)
      .writeStream(httpSink<Row, readonly RefusedRow[]>({ retry, ...sink }), {
        name: 'sending',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: { initialDelayMs: 1 },
        ...query,
      })
      .pipe(toArray()),
  )
  return { progress, source }
}

/** What a failed query failed with. */
async function causeOf(failing: Promise<unknown>): Promise<unknown> {
  const error = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return (error as Error | undefined)?.cause
}

describe('httpSink', () => {
  it('sends 500 rows a request, whatever the chunks, with a key each', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    const { progress } = await write(2_400, { url })
    expect(idsOf(store.rows)).toEqual(upTo(2_400))
    const sizes = server.requests.map(({ body }) => (JSON.parse(body) as unknown[]).length)
    expect(sizes.toSorted((a, b) => b - a)).toEqual([500, 500, 500, 500, 200, 200])
    const queryId = /^[^/]+/.exec([...store.keys.keys()][0] ?? '')?.[0]
    expect([...store.keys.keys()].sort()).toEqual(
      [0, 1].flatMap((part) => ['0/500', '1000/200', '500/500'].map((rows) => `${queryId}/main/0/${part}/${rows}`)),
    )
    expect(server.requests[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } })
    expect(progress.at(-1)?.guarantee).toMatchObject({ level: 'at-least-once' }) // of a checkpoint in memory
  })

  it('keeps the order of a partition', async () => {
    const store = idempotentStore(never)
    const { url } = await start(store.route)
    const source = memoryStream<Row>({ chunkRows: 7 })
    source.add(...rowsOf(100))
    const query = readStream(source).writeStream(httpSink<Row>({ url, batchSize: 9 }), {
      name: 'in-order',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    await lastValueFrom(query)
    expect(store.rows.map((row) => (row as Row).id)).toEqual(upTo(100))
  })

  it('speaks JSON lines, objects and forms', async () => {
    const seen: unknown[] = []
    const { url, server } = await start(({ method, url: path, body, headers }) => {
      seen.push({ method, path, body, type: headers['content-type'] })
      return { status: 204 }
    }, '*')
    const [one, two] = rowsOf(2) as [Row, Row]
    const send = (options: Omit<Options, 'url'>, at = '') =>
      writeBatchTo({ url: `${url.slice(0, -1)}/rows${at}`, ...options }, [one, two])
    await send({ format: 'ndjson' })
    await send({ format: 'single', method: 'PUT', idempotency: { key: 'id' }, row: ({ name }) => ({ name }) }, '/{id}')
    await send({ format: 'form', params: { source: 'sluice' } })
    expect(server.errors).toEqual([])
    expect(seen).toEqual([
      {
        method: 'POST',
        path: '/rows',
        body: '{"id":0,"name":"row 0"}\n{"id":1,"name":"row 1"}\n',
        type: 'application/x-ndjson',
      },
      { method: 'PUT', path: '/rows/0', body: '{"name":"row 0"}', type: 'application/json' },
      { method: 'PUT', path: '/rows/1', body: '{"name":"row 1"}', type: 'application/json' },
      {
        method: 'POST',
        path: '/rows?source=sluice',
        body: 'id=0&name=row+0',
        type: 'application/x-www-form-urlencoded',
      },
      {
        method: 'POST',
        path: '/rows?source=sluice',
        body: 'id=1&name=row+1',
        type: 'application/x-www-form-urlencoded',
      },
    ])
  })

  it('commits a batch without rows, and sends nothing for it', async () => {
    const { server, url } = await start(() => ({ status: 204 }))
    expect(await writeBatchTo({ url }, [])).toBe('written')
    expect(server.requests).toEqual([])
  })

  it('promises what its receiver is told', () => {
    const guarantee = (options: Partial<Options>) =>
      httpSink({ url: 'http://127.0.0.1', ...options }).streamWriter().guarantee
    expect(guarantee({})).toEqual({ idempotent: 'position' })
    expect(guarantee({ idempotency: { field: 'key' } })).toEqual({ idempotent: 'position' })
    expect(guarantee({ idempotency: { key: 'id' } })).toEqual({ idempotent: 'key' })
    expect(guarantee({ idempotency: 'none' })).toBe('append')
    expect(guarantee({ deadLetters: memorySink<RefusedRow>() })).toEqual({ idempotent: 'position' })
    const appending = httpSink<RefusedRow>({ url: 'http://127.0.0.1', idempotency: 'none' })
    const writer = httpSink({ url: 'http://127.0.0.1', deadLetters: appending }).streamWriter()
    expect(writer.guarantee).toBe('append')
  })

  it('is to be started first', async () => {
    const writer = httpSink({ url: 'http://127.0.0.1' }).streamWriter()
    await expect(settle(() => writer.open(contextOf(batchOf(0), 0)))).rejects.toThrow(PortError)
  })

  it('keeps no more than said under way', async () => {
    let [underWay, most] = [0, 0]
    const { url } = await start(async () => {
      most = Math.max(most, ++underWay)
      await sleep(5)
      underWay--
      return { status: 200 }
    })
    await writeBatchTo({ url, batchSize: 10, concurrency: 3 }, rowsOf(150))
    expect(most).toBe(3)
    most = 0
    await writeBatchTo({ url, batchSize: 10 }, rowsOf(50))
    expect(most).toBe(1)
  })

  it('closes its connections at the end', async () => {
    const { server, url } = await start(() => ({ status: 200 }))
    await writeBatchTo({ url }, rowsOf(3))
    for (let tries = 0; (await server.connections()) > 0 && tries < 100; tries++) await sleep(5)
    expect(await server.connections()).toBe(0)
  })
})

/** One batch of one partition, in chunks of seven. */
async function writeBatchTo(options: Options, rows: readonly Row[], batchId = 0): Promise<'written' | 'committed'> {
  const writer = httpSink<Row, readonly RefusedRow[]>({ retry, ...options }).streamWriter()
  await settle(() => writer.start?.(startOf()))
  try {
    const chunks = upTo(Math.ceil(rows.length / 7)).map((n) => rows.slice(n * 7, n * 7 + 7))
    return await writeBatch(writer, batchOf(batchId), [chunks])
  } finally {
    await settle(() => writer.stop?.())
  }
}

describe('httpSink, where things go wrong: nothing is lost, nothing is there twice', () => {
  it('one answer in ten is dropped after the request was applied', async () => {
    const store = idempotentStore()
    const { url } = await start(store.route)
    await write(5_000, { url, batchSize: 50 }, { limit: { maxRows: 1_000 } }, 77)
    expect(store.dropped).toBeGreaterThanOrEqual(10)
    expect(idsOf(store.rows)).toEqual(upTo(5_000))
  })

  it.each<[name: string, fault: Fault]>([
    ['429', tooManyRequests(0)],
    ['500', status(500)],
    ['503', status(503)],
    ['a reset before the request took effect', resetBeforeHeaders()],
    ['a reset after it', resetAfterEffect()],
    ['the first attempt is still under way', status(409)],
  ])('%s', async (_, fault) => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    server.fault(fault, { n: (n) => n % 3 === 1 })
    await write(200, { url, batchSize: 10 })
    expect(idsOf(store.rows)).toEqual(upTo(200))
    expect(server.requests.length).toBeGreaterThan(25)
  })

  it('a receiver that does its work while it answers, and stops when its client leaves', async () => {
    const applied: number[] = []
    const slow = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk) => {
        text += chunk
      })
      request.on('end', () => {
        response.writeHead(200)
        response.flushHeaders()
        setTimeout(() => {
          if (response.destroyed) return
          applied.push(...(JSON.parse(text) as { id: number }[]).map(({ id }) => id))
          response.end()
        }, 20)
      })
    })
    const port = await new Promise<number>((resolve) =>
      slow.listen(0, '127.0.0.1', () => resolve((slow.address() as AddressInfo).port)),
    )
    await write(30, { url: `http://127.0.0.1:${port}/rows`, batchSize: 10 })
    slow.closeAllConnections()
    await new Promise((resolve) => slow.close(resolve))
    expect(applied.sort((a, b) => a - b)).toEqual(upTo(30))
  })

  it('a reset in the body, whether anybody looks at it or not', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    server.fault(resetMidBody(), { n: (n) => n % 3 === 1 })
    await write(200, { url, batchSize: 10 })
    expect(server.requests.length).toBeGreaterThan(25)
    await write(200, { url, batchSize: 10, rowErrors: () => [] })
    expect(server.requests.length).toBeGreaterThan(50)
    expect(idsOf(store.rows)).toEqual(upTo(200).flatMap((id) => [id, id])) // two queries
  })

  it('an attempt takes too long', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    server.fault(silence(), { n: 2 })
    await write(100, { url, batchSize: 10, timeout: '200ms' })
    expect(idsOf(store.rows)).toEqual(upTo(100))
  })

  it('the query gives up a partition and begins it anew', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    server.fault(resetAfterEffect(), { n: [3, 4, 5] })
    await write(100, { url, batchSize: 10, retry: { maxAttempts: 1 } })
    expect(idsOf(store.rows)).toEqual(upTo(100))
    expect(Math.max(...store.keys.values())).toBeGreaterThan(1)
  })

  it('the query fails and is started again', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    const source = memoryStream<Row>({ partitions: 3, chunkRows: 8 })
    source.add(...rowsOf(300))
    const query = readStream(source).writeStream(httpSink<Row>({ url, batchSize: 7, retry: { maxAttempts: 1 } }), {
      name: 'failing',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 60 },
      retry: { maxAttempts: 1 },
    })
    server.fault(resetAfterEffect(), { n: (n) => n % 13 === 0 })
    let runs = 0
    for (let failed = true; failed; runs++) {
      failed = await lastValueFrom(query, { defaultValue: undefined }).then(
        () => false,
        () => true,
      )
    }
    expect(runs).toBeGreaterThan(2)
    expect(idsOf(store.rows)).toEqual(upTo(300))
  })

  it('the query is stopped in the midst of a request and started again', async () => {
    const store = idempotentStore(never)
    const { server, url } = await start(store.route)
    const source = memoryStream<Row>({ partitions: 2, chunkRows: 8 })
    source.add(...rowsOf(100))
    const query = readStream(source).writeStream(httpSink<Row>({ url, batchSize: 7 }), {
      name: 'stopping',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    server.fault(silence(), { n: 5 })
    const run = query.start()
    for (let tries = 0; server.requests.length < 5 && tries < 200; tries++) await sleep(5)
    await run.stop()
    server.heal()
    await lastValueFrom(query)
    expect(idsOf(store.rows)).toEqual(upTo(100))
  })
})

describe('httpSink, rows that a receiver puts off, which keeps its answers', () => {
  interface Fate {
    readonly route: Route
    readonly taken: number[]
    readonly asked: () => number
  }
  /** Puts every third row off until its nth request. */
  const busyUntil = (nth: number): Fate => {
    const kept = new Map<string, Answer>()
    const taken: number[] = []
    let asked = 0
    return {
      taken,
      asked: () => asked,
      route: ({ headers, body }) => {
        const key = String(headers['idempotency-key'])
        const known = kept.get(key)
        if (known !== undefined) return known
        const isBusy = ++asked < nth
        const errors = (JSON.parse(body) as readonly Row[]).flatMap(({ id }, index) => {
          if (isBusy && id % 3 === 0) return [index]
          taken.push(id)
          return []
        })
        const answer = { status: 207, body: { errors } }
        kept.set(key, answer)
        return answer
      },
    }
  }
  const rowErrors: Options['rowErrors'] = ({ body }) =>
    (body as { readonly errors: readonly number[] }).errors.map((index) => ({ index, retryable: true }))
  const few = { initialDelayMs: 1, maxAttempts: 2 }

  it('go through when the partition is tried again, each once', async () => {
    const { route, taken } = busyUntil(12)
    const { url } = await start(route)
    await write(8, { url, rowErrors, retry: few }, { retry: { initialDelayMs: 1, maxAttempts: 10 } })
    expect(taken.toSorted((a, b) => a - b)).toEqual(upTo(8))
  })

  it.each(['by the same sink', 'by another process'])('go through when the query is started again %s', async (how) => {
    const { route, taken, asked } = busyUntil(12)
    const { url } = await start(route)
    const checkpoint = memoryCheckpoint()
    const source = memoryStream<Row>()
    source.add(...rowsOf(8))
    const make = () => httpSink<Row>({ url, rowErrors, retry: few })
    const sink = make()
    const run = () =>
      lastValueFrom(
        readStream(source).writeStream(how === 'by the same sink' ? sink : make(), {
          name: 'again',
          checkpoint,
          trigger: availableNow(),
          retry: { maxAttempts: 1 },
        }),
      )
    let runs = 1
    while (runs < 20 && (await causeOf(run())) !== undefined) runs++
    expect(runs).toBeLessThan(20)
    expect(asked()).toBeGreaterThanOrEqual(12)
    expect(taken.toSorted((a, b) => a - b)).toEqual(upTo(8))
  })
})

describe('httpSink, refused rows', () => {
  const picky = (isBad: (id: number) => boolean): { readonly route: Route; readonly taken: number[] } => {
    const store = idempotentStore()
    const taken = store.rows as unknown as number[]
    const route: Route = (request): Answer | Promise<Answer> => {
      const bad = (JSON.parse(request.body) as readonly Row[]).find(({ id }) => isBad(id))
      return bad === undefined
        ? store.route(request)
        : { status: 422, body: { error: `row ${bad.id}`, password: 'hunter2' } }
    }
    return { route, taken }
  }

  it('go to the dead letters with reason, status and attempt, the others to the receiver', async () => {
    const { route, taken } = picky((id) => id % 40 === 7)
    const { url } = await start(route)
    const refused = memorySink<RefusedRow>()
    await write(200, { url, batchSize: 50, deadLetters: refused }, { limit: { maxRows: 100 } })
    expect(idsOf(taken)).toEqual(upTo(200).filter((id) => id % 40 !== 7))
    expect(refused.rows.map(({ row }) => (JSON.parse(row) as Row).id)).toEqual([7, 47, 87, 127, 167])
    expect(refused.rows[1]).toEqual({
      queryId: expect.any(String),
      batchId: 0,
      partitionId: 0,
      ordinal: 47,
      status: 422,
      attempt: 0,
      reason: 'status 422: {"error":"row 47","password":"***"}',
      row: '{"id":47,"name":"row 47"}',
    })
  })

  it('lie in files as any other sink writes them, apart from those that the query refuses', async () => {
    const path = await mkdtemp(join(tmpdir(), 'sluice-refused-'))
    onTestFinished(() => rm(path, { recursive: true }))
    const { route } = picky((id) => id === 7)
    const { url } = await start(route)
    const source = memoryStream<Row>()
    source.add(...rowsOf(20))
    const query = readStream(source).writeStream(httpSink({ url, deadLetters: jsonLines({ path }) }), {
      name: 'files',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      deadLetters: jsonLines({ path }),
    })
    await lastValueFrom(query)
    const [file = ''] = (await readdir(path)).filter((name) => name.endsWith('.jsonl'))
    expect(JSON.parse(await readFile(join(path, file), 'utf8'))).toMatchObject({ ordinal: 7, status: 422 })
    const [queryFolder = ''] = await readdir(join(path, '_manifest'))
    expect((await readdir(join(path, '_manifest', queryFolder))).sort()).toEqual([
      'main%2Edead-letters',
      'main%2Erefused',
    ])
  })

  it('show up with the batch, not before, and not twice when a partition is repeated', async () => {
    const { route, taken } = picky((id) => id === 3)
    const refused = memorySink<RefusedRow>()
    let early: number | undefined
    const { url } = await start((request) => {
      if (early !== undefined || !request.body.includes('row 19')) return route(request)
      early = refused.rows.length
      return 'reset'
    })
    await write(40, { url, batchSize: 5, retry: { maxAttempts: 1 }, deadLetters: refused })
    expect(early).toBe(0)
    expect(refused.rows).toMatchObject([{ ordinal: 3 }])
    expect(refused.rows[0]?.attempt).toBeGreaterThan(0)
    expect(idsOf(taken)).toEqual(upTo(40).filter((id) => id !== 3))
  })

  it('fail the batch without a sink for them; the query does not repeat it', async () => {
    const { route, taken } = picky((id) => id === 23)
    const { server, url } = await start(route)
    const cause = await causeOf(write(40, { url, batchSize: 10 }))
    expect(cause).toBeInstanceOf(RowError)
    expect(cause).toHaveProperty(
      'message',
      expect.stringMatching(/row 3 of partition 1 was refused: status 422: .*row 23/),
    )
    expect(inspect(cause)).not.toContain('hunter2')
    expect(taken).not.toContainEqual(expect.objectContaining({ id: 23 }))
    expect(server.requests.length).toBeLessThan(4 + 2 * 4)
  })

  it.each([401, 403, 404])(
    'are none where the receiver answers %d: the batch fails, and nothing becomes a dead letter',
    async (code) => {
      const { server, url } = await start(() => ({ status: code, body: { error: 'no' } }))
      const refused = memorySink<RefusedRow>()
      const cause = await causeOf(write(40, { url, batchSize: 10, deadLetters: refused }))
      expect(cause).toMatchObject({ status: code, code: 'SLUICE_HTTP' })
      expect(refused.rows).toEqual([])
      expect(server.requests.length).toBeLessThanOrEqual(2)
    },
  )

  it('count once against "maxDeadLetters", however often their partition is tried', async () => {
    const { route } = picky((id) => id % 10 === 3)
    let cuts = 4
    const { url } = await start((request) => (request.body.includes('row 49') && cuts-- > 0 ? 'reset' : route(request)))
    const refused = memorySink<RefusedRow>()
    const sink = { url, batchSize: 10, retry: { maxAttempts: 1 }, deadLetters: refused, maxDeadLetters: 5 }
    await write(50, sink, { retry: { initialDelayMs: 1, maxAttempts: 20 } })
    expect(cuts).toBeLessThan(0)
    expect(refused.rows).toHaveLength(5)
  })

  it('count once, too, when their batch is written again as a whole', async () => {
    const { route } = picky((id) => id % 2 === 0)
    const { url } = await start(route)
    const refused = memorySink<RefusedRow>()
    const sink = httpSink<Row, readonly RefusedRow[]>({ url, batchSize: 10, deadLetters: refused, maxDeadLetters: 5 })
    const writer = sink.streamWriter()
    await settle(() => writer.start?.(startOf()))
    for (let time = 0; time < 3; time++) {
      const partition = await settle(() => writer.open(contextOf(batchOf(0), 0)))
      await settle(() => partition.write(rowsOf(10)))
      await settle(() => partition.finish())
      if (time < 2) await settle(() => writer.abort?.([undefined], batchOf(0)))
    }
    await settle(() => writer.stop?.())
  })

  it('are not all there is: a receiver that refuses everything fails the batch', async () => {
    const { server, url } = await start(() => ({ status: 400 }))
    const refused = memorySink<RefusedRow>()
    const cause = await causeOf(write(4_000, { url, deadLetters: refused }))
    expect(cause).toBeInstanceOf(RowError)
    expect(cause).toHaveProperty('message', expect.stringMatching(/more than 100 of the last 1000 rows/))
    expect(refused.rows).toEqual([])
    expect(server.requests.length).toBeLessThan(300)
  })

  it('may be named by the answer', async () => {
    const taken: Row[] = []
    const { url } = await start(({ body }) => {
      const errors = (JSON.parse(body) as readonly Row[]).flatMap((row, index) => {
        if (row.id % 9 === 4) return [{ index, message: 'no fours' }]
        taken.push(row)
        return []
      })
      return { status: 207, body: { errors } }
    })
    const refused = memorySink<RefusedRow>()
    type Errors = { readonly errors: readonly { readonly index: number; readonly message: string }[] }
    await write(50, {
      url,
      batchSize: 20,
      deadLetters: refused,
      rowErrors: ({ body }) => (body as Errors).errors.map(({ index, message }) => ({ index, reason: message })),
    })
    expect(idsOf(taken)).toEqual(upTo(50).filter((id) => id % 9 !== 4))
    expect(refused.rows.map(({ ordinal, partitionId, reason }) => [25 * partitionId + ordinal, reason])).toEqual(
      upTo(50)
        .filter((id) => id % 9 === 4)
        .map((id) => [id, 'no fours']),
    )
  })

  it('leave a batch that was begun again unread once they are committed', async () => {
    const { route } = picky((id) => id === 3)
    const { server, url } = await start(route)
    const refused = memorySink<RefusedRow>()
    const options = { url, deadLetters: refused }
    expect(await writeBatchTo(options, rowsOf(10))).toBe('written')
    const before = server.requests.length
    expect(await writeBatchTo(options, rowsOf(10))).toBe('committed')
    expect(await writeBatchTo(options, rowsOf(2), 1)).toBe('written') // no row was refused
    expect(await writeBatchTo(options, rowsOf(2), 1)).toBe('committed')
    expect(server.requests.length).toBe(before + 1)
    expect(refused.batches.get(1)).toEqual([])
  })
})

describe('httpSink, who asks', () => {
  it('renews a token that ran out, and nothing is lost', async () => {
    const store = idempotentStore(never)
    const tokens = expiringTokens({ uses: 3 })
    const { server, url } = await start(tokens.guard(store.route))
    server.routes.set('/token', tokens.token)
    let token: string | undefined
    const fetchToken = async () => {
      const response = await fetch(`${server.url}/token`)
      return ((await response.json()) as { readonly access_token: string }).access_token
    }
    await write(200, {
      url,
      batchSize: 10,
      auth: {
        name: 'test',
        authorize: async (request) => {
          token ??= await fetchToken()
          return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }
        },
        refused: async () => {
          token = undefined
          return true
        },
      },
    })
    expect(idsOf(store.rows)).toEqual(upTo(200))
    expect(tokens.issued).toBeGreaterThan(3)
  })

  it('shows no secrets, in itself or in errors', async () => {
    const { url } = await start(({ headers }) => ({
      status: 403,
      body: { you: headers.authorization, token: 'tok-2' },
    }))
    const sink: Options = {
      url,
      params: { api_key: 'key-3' },
      headers: { 'x-auth-token': 'head-4' },
      auth: bearer('bear-1'),
    }
    const cause = await causeOf(write(10, sink))
    expect(cause).toMatchObject({ status: 403 })
    const shown = [inspect(cause, { depth: 10 }), String(cause), inspect(httpSink(sink), { depth: 10 })].join('\n')
    for (const secret of ['bear-1', 'tok-2', 'key-3', 'head-4']) expect(shown).not.toContain(secret)
  })

  it('is not led elsewhere', async () => {
    const { server, url } = await start(() => ({ status: 200, body: 'please log in' }), '*')
    const at = `${url.slice(0, -1)}/rows`
    for (const code of [301, 302, 303, 307, 308]) {
      server.heal()
      server.fault(status(code, { location: '/login' }, ''), { path: '/rows' })
      const cause = await causeOf(write(10, { url: at }))
      expect(cause, `${code}`).toMatchObject({ code: 'SLUICE_HTTP', retryable: false })
      expect(cause, `${code}`).toHaveProperty('message', expect.stringMatching(/redirect/))
    }
  })
})
