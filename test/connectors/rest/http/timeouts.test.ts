import { getEventListeners } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { RequestBudget } from '../../../../src/connectors/rest/http/budget.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { inTurn, silence, slow } from '../../../support/http-faults.ts'
import type { Route } from '../../../support/http-server.ts'
import { ManualScheduler } from '../../../support/schedulers.ts'
import { failure, serve, textOf } from './serve.ts'

const hello: Route = () => ({ body: 'hello '.repeat(100) })
const once = { retry: { maxAttempts: 1 } }

describe('a time-out', () => {
  it('of the headers', async () => {
    const { get, server } = await serve(hello, { ...once, timeout: { total: 0, headers: 50 } })
    server.fault(silence())
    const error = await failure(get())
    expect(error).toMatchObject({
      name: 'HttpError',
      retryable: true,
      status: undefined,
      cause: { code: 'UND_ERR_HEADERS_TIMEOUT' },
    })
    expect(error.message).toMatch(/got no answer: the answer took longer to begin than "timeout.headers" allows$/)
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('of a body that stands still, while somebody reads it', async () => {
    const { get, server } = await serve(hello, { ...once, timeout: { total: 0, idle: 50 } })
    server.fault(slow({ bytes: 100, everyMs: 1, stallAfter: 200 }))
    const error = await failure(get())
    expect(error).toMatchObject({ retryable: true, status: 200, cause: { code: 'UND_ERR_BODY_TIMEOUT' } })
    expect(error.message).toContain('the body paused for longer than "timeout.idle" allows')
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('of all of it, by a body that trickles', async () => {
    const scheduler = new ManualScheduler()
    const { get, server } = await serve(hello, { ...once, timeout: '30 seconds', scheduler })
    server.fault(slow({ bytes: 1, everyMs: 5 }))
    const got = failure(get())
    await expect.poll(() => server.requests.length).toBe(1)
    await scheduler.advance(30_000)
    const error = await got
    expect(error).toMatchObject({ name: 'HttpError', retryable: true })
    expect(error.message).toBe(`GET ${server.url}/ took longer than the 30000 ms that "timeout.total" allows`)
    expect(scheduler.size).toBe(0)
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('of all of it, by a `take` that doesn’t end', async () => {
    const scheduler = new ManualScheduler()
    const { client, server } = await serve(hello, { ...once, timeout: 1_000, scheduler })
    const got = failure(client.send({ url: server.url }, () => new Promise(() => {})))
    await expect.poll(() => server.requests.length).toBe(1)
    await scheduler.advance(1_000)
    expect((await got).message).toContain('took longer than the 1000 ms')
  })

  it('of all of it counts the line for a connection', async () => {
    const scheduler = new ManualScheduler()
    const { get, server } = await serve(hello, { ...once, timeout: 1_000, scheduler, connections: 1 })
    server.fault(silence())
    const over: number[] = []
    const ask = (): Promise<unknown> => failure(get()).then(() => over.push(scheduler.now()))
    const first = ask()
    await scheduler.advance(600)
    const second = ask()
    await scheduler.advance(5_000)
    await Promise.all([first, second])
    expect(over).toEqual([1_000, 1_600])
  })

  it('of connecting, TLS included', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => mute.once('listening', resolve))
    const { port } = mute.address() as { readonly port: number }
    const sockets = new Set<{ readonly destroy: () => void }>()
    mute.on('connection', (socket) => sockets.add(socket))
    const client = httpClient({ ...once, timeout: { connect: 50 } })
    const error = await failure(client.send({ url: `https://127.0.0.1:${port}` }, textOf))
    expect(error).toMatchObject({ retryable: true, cause: { code: 'UND_ERR_CONNECT_TIMEOUT' } })
    expect(error.message).toContain('"timeout.connect"')
    await client.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => mute.close(resolve))
  })

  it('is worth another attempt', async () => {
    const { get, server } = await serve(hello, { timeout: { total: 0, headers: 50 } })
    server.fault(inTurn(silence()))
    expect(await get()).toHaveLength(600)
  })

  it('leaves nothing when all is well, nor what is read later', async () => {
    const scheduler = new ManualScheduler()
    const { get, client, server } = await serve(
      { '/': hello, '/long': () => ({ body: 'x'.repeat(1_000_000) }) },
      { scheduler, timeout: 1_000 },
    )
    await get()
    expect(scheduler.size).toBe(0)
    const bytes = await client.send({ url: `${server.url}/long` }, async ({ body }) => {
      const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      await iterator.next()
      return iterator
    })
    expect(scheduler.size).toBe(0)
    await scheduler.advance(100_000)
    while ((await bytes.next()).done !== true);
  })
})

describe('a signal', () => {
  it('ends a request in the line for a connection at once', async () => {
    const { get, server } = await serve(hello, { connections: 1 })
    server.fault(silence())
    const [held, waiting] = [new AbortController(), new AbortController()]
    const first = get('/', held)
    await expect.poll(() => server.requests.length).toBe(1)
    const second = get('/', waiting)
    waiting.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    held.abort(new Error('enough, too'))
    await expect(first).rejects.toThrow('enough, too')
    await expect.poll(() => server.connections()).toBe(0)
    expect(server.requests).toHaveLength(1)
  })

  it('that comes with the place in the budget, or with the answer, ends a request at once', async () => {
    const told: string[] = []
    const aborts = [new AbortController(), new AbortController()] as const
    const budget: RequestBudget = {
      take: async () => {
        if (told.push('take') === 1) aborts[0].abort(new Error('enough'))
        return {
          answered: () => {
            told.push('answered')
            aborts[1].abort(new Error('enough, too'))
          },
          unanswered: () => told.push('unanswered'),
        }
      },
    }
    const { client, server } = await serve(hello, { budget, ...once })
    const ask = (abort: AbortController): Promise<never> =>
      client.send({ url: server.url }, () => new Promise(() => {}), abort)
    await expect(ask(aborts[0])).rejects.toThrow('enough')
    await expect(ask(aborts[1])).rejects.toThrow('enough, too')
    expect(told).toEqual(['take', 'unanswered', 'take', 'answered'])
    expect(server.requests).toHaveLength(1)
  })

  it('ends the wait for another attempt at once, and no attempt follows', async () => {
    const scheduler = new ManualScheduler()
    const { get, server } = await serve(() => ({ status: 503 }), { scheduler, timeout: { total: 0 } })
    const abort = new AbortController()
    const got = get('/', abort)
    await expect.poll(() => scheduler.size).toBe(1)
    abort.abort(new Error('enough'))
    await expect(got).rejects.toThrow('enough')
    expect(scheduler.size).toBe(0)
    expect(server.requests).toHaveLength(1)
  })

  it('ends a body in the midst, with its own reason', async () => {
    const { get, server } = await serve(hello)
    server.fault(slow({ bytes: 1, everyMs: 5 }))
    const abort = new AbortController()
    const got = get('/', abort)
    await expect.poll(() => server.requests.length).toBe(1)
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(got).rejects.toBe(reason)
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('ends the wait for an answer with its own reason, the last attempt’s too', async () => {
    const { get, server } = await serve(hello, once)
    server.fault(silence())
    const abort = new AbortController()
    const got = get('/', abort)
    await expect.poll(() => server.requests.length).toBe(1)
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(got).rejects.toBe(reason)
  })

  it('that was aborted before sends nothing', async () => {
    const { get, server } = await serve(hello)
    await expect(get('/', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    expect(server.requests).toEqual([])
  })

  it('keeps no listener of what is over', async () => {
    const { get, client, server } = await serve(hello)
    server.fault(inTurn(silence(0)))
    const abort = new AbortController()
    await get('/', abort)
    await client.send({ url: server.url }, async () => {}, abort)
    await failure(get({ url: '/', headers: { 'x-bad': 'a\nb' } }, abort))
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
  })
})

describe('closing', () => {
  it('ends what is under way and what waits, and then nothing is sent any more', async () => {
    const scheduler = new ManualScheduler()
    const { get, client, server } = await serve(
      { '/busy': () => ({ status: 503 }), '/': hello },
      { scheduler, timeout: { total: 0 } },
    )
    server.fault(silence(), { path: '/' })
    const waiting = [failure(get('/')), failure(get('/busy'))]
    await expect.poll(() => [scheduler.size, server.requests.length]).toEqual([1, 2])
    await client.close()
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ name: 'PortError', message: 'httpClient: the client is closed' })
    await expect(get('/')).rejects.toThrow('httpClient: the client is closed')
    expect(scheduler.size).toBe(0)
    await expect.poll(() => server.connections()).toBe(0)
    await client.close()
  })

  it('ends a body that is read later', async () => {
    const { client, server } = await serve(() => ({ body: 'x'.repeat(50_000_000) }))
    const bytes = await client.send({ url: server.url }, async ({ body }) => {
      const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      await iterator.next()
      return iterator
    })
    await client.close()
    const drain = async (): Promise<void> => {
      while ((await bytes.next()).done !== true);
    }
    await expect(drain()).rejects.toThrow()
  })
})
