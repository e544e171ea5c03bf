import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Agent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { type RawAnswer, Receiver } from '../../../../src/connectors/rest/http/receiver.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

/** A server, and requests to it over one connection. */
async function serve(listener: RequestListener) {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    listener(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ connections: 1 })
  cleanUp.push(
    () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
    () => agent.destroy(),
  )
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = (path: string, abort?: (receiver: Receiver) => void) =>
    new Promise<RawAnswer>((resolve, reject) => {
      const receiver = new Receiver(resolve, reject)
      agent.dispatch({ origin, path, method: 'GET' }, receiver)
      abort?.(receiver)
    })
  return { ask, asked }
}

describe('Receiver', () => {
  it('joins repeated headers, passes over what comes before the answer, and pauses a body that nobody reads', async () => {
    const long = 'x'.repeat(4_000_000)
    const { ask } = await serve((_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.setHeader('warning', ['one', 'two'])
      response.end(long)
    })
    const { status, headers, body } = await ask('/')
    expect([status, headers.warning]).toEqual([200, 'one, two'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(body.readableLength).toBeLessThan(1_000_000)
    expect(await text(body)).toBe(long)
  })

  it('gives up a body with the reason, and its connection', async () => {
    const { ask } = await serve((request, response) => {
      if (request.url === '/endless') response.write('x')
      else response.end('hello')
    })
    let receiver: Receiver | undefined
    const { body } = await ask('/endless', (given) => {
      receiver = given
    })
    const reason = new Error('enough')
    receiver?.abort(reason)
    await expect(text(body)).rejects.toBe(reason)
    expect(await text((await ask('/next')).body)).toBe('hello')
  })

  it('fails a body that is cut short', async () => {
    const { ask } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('hello', () => response.destroy())
    })
    await expect(text((await ask('/')).body)).rejects.toThrow(/other side closed|terminated|ECONNRESET/)
  })

  it('never sends a request that was given up while it waited for a connection', async () => {
    const held: (() => void)[] = []
    const { ask, asked } = await serve((request, response) => {
      if (request.url === '/first') held.push(() => response.end('first'))
      else response.end('other')
    })
    const first = ask('/first')
    await expect.poll(() => held.length).toBe(1)
    const reason = new Error('too late')
    const second = ask('/second', (receiver) => receiver.abort(reason))
    const third = ask('/third')
    second.catch(() => {})
    held[0]?.()
    expect(await text((await first).body)).toBe('first')
    expect(await text((await third).body)).toBe('other')
    await expect(second).rejects.toBe(reason)
    expect(asked).toEqual(['/first', '/third'])
  })
})
