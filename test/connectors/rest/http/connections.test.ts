import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import type { HttpRequest, HttpResponse } from '../../../../src/connectors/rest/http/types.ts'
import { failure, serve, textOf } from './serve.ts'

/** A server that says nothing, not even of TLS, and a client of it. */
async function silence(options: ClientOptions) {
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}).resume())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = httpClient({ retry: { maxAttempts: 1 }, ...options })
  onTestFinished(async () => {
    await client.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const send = (request: Partial<HttpRequest>, signal?: AbortSignal) =>
    client.send({ url: `https://127.0.0.1:${port}/`, ...request }, textOf, signal && { signal })
  return { client, sockets, send, http: `http://127.0.0.1:${port}/` }
}

/** A server that does this once it is asked, and a client of it that asks once. */
async function answering(answer: (socket: Socket) => unknown) {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => answer(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = httpClient({ retry: { maxAttempts: 1 } })
  onTestFinished(async () => {
    await client.close()
    await new Promise((resolve) => server.close(resolve))
  })
  return { client, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

describe('connections', () => {
  it('nothing is kept of a request that was given up while it waited for a connection', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const { send, sockets, http } = await silence({ connections: 1 })
    send({ url: http }).catch(() => {})
    await expect.poll(() => sockets.length).toBe(1)
    const reasons: WeakRef<Error>[] = []
    for (let i = 0; i < 100; i++) {
      const caller = new AbortController()
      const reason = new Error('enough')
      reasons.push(new WeakRef(reason))
      const sent = send({ url: http }, caller.signal).catch(() => {})
      caller.abort(reason)
      await sent
    }
    await sleep(10)
    gc()
    expect(reasons.filter((reason) => reason.deref() !== undefined).length).toBeLessThan(5)
  })

  it('a connection that is being made for a request is given up with it, and another one made for the next', async () => {
    const { send, sockets } = await silence({ connections: 1 })
    const caller = new AbortController()
    const reason = new Error('enough')
    const first = failure(send({}, caller.signal))
    await expect.poll(() => sockets.length).toBe(1)
    const second = failure(send({}))
    await sleep(50)
    expect(sockets).toHaveLength(1)
    caller.abort(reason)
    expect(await first).toBe(reason)
    await expect.poll(() => sockets.length, { timeout: 2_000 }).toBe(2)
    expect(sockets[0]?.closed).toBe(true)
    void second
  })

  it('closing the client ends connections that are being made: the process needn’t wait for them', async () => {
    const { client, send, sockets } = await silence({})
    const sent = failure(send({}))
    await expect.poll(() => sockets.length).toBe(1)
    await client.close()
    expect((await sent).message).toContain('closed')
    await expect.poll(() => sockets[0]?.closed, { timeout: 2_000 }).toBe(true)
  })

  it('of many requests each has its turn, also where those before it were given up or failed', async () => {
    let most = 0
    let now = 0
    const { client, server } = await serve(
      async ({ path }) => {
        most = Math.max(most, ++now)
        await sleep(1)
        now--
        return path === '/cut' ? 'reset' : { body: path }
      },
      { connections: 3, retry: { maxAttempts: 1 } },
    )
    const ends = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) => {
        const path = i % 5 === 0 ? '/cut' : `/${i}`
        const signal = i % 7 === 0 ? AbortSignal.timeout(i % 3) : undefined
        return client.send(
          { url: `${server.url}${path}` },
          async (response: HttpResponse) => textOf(response),
          signal && { signal },
        )
      }),
    )
    const right = ends.map((end, i) =>
      end.status === 'fulfilled' ? end.value === `/${i}` : i % 5 === 0 || i % 7 === 0,
    )
    expect(right).not.toContain(false)
    expect(most).toBeLessThanOrEqual(3)
  })

  it('a body without a length that ends with a reset is cut short, whole as its last row may be; closed in good order it is all there', async () => {
    const { promise: arrived, resolve: arrives } = Promise.withResolvers<void>()
    let asked = 0
    const { client, url } = await answering(async (socket) => {
      const isFirst = ++asked === 1
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\nconnection: close\r\n\r\nid\n1\n2\n')
      await arrived
      if (isFirst) socket.resetAndDestroy()
      else socket.end('3\n')
    })
    const take = (response: HttpResponse) => {
      arrives()
      return textOf(response)
    }
    const error = await failure(client.send({ url }, take))
    expect(error.message).toMatch(/answered 200, and its body broke off: read ECONNRESET$/)
    expect(error).toMatchObject({ retryable: true, cause: { code: 'ECONNRESET' } })
    expect(await client.send({ url }, take)).toBe('id\n1\n2\n3\n')
  })

  it('a compressed body without a length, of which nothing came, is cut short, too; an error stays what it is', async () => {
    let status = '200 OK'
    const { client, url } = await answering((socket) => {
      const headers = 'content-type: text/csv\r\ncontent-encoding: gzip\r\nconnection: close'
      socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n`)
    })
    const error = await failure(client.send({ url }, textOf))
    expect(error.message).toMatch(/answered 200, and its body broke off: the connection ended first$/)
    expect(error).toMatchObject({ retryable: true })
    status = '404 Not Found'
    expect(await failure(client.send({ url }, textOf))).toMatchObject({ status: 404, retryable: false })
  })
})
