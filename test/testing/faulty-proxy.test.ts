import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { faultyHttpProxy } from '../../src/testing/faulty-http-proxy.ts'
import { type FaultyProxy, faultyProxy } from '../../src/testing/faulty-proxy.ts'
import { type HttpServer, httpServer } from '../support/http-server.ts'

describe('faultyProxy', () => {
  const received: string[] = []
  const accepted: Socket[] = []
  // Says back what it hears.
  const echo = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received.push(String(bytes))
      socket.write(bytes)
    })
  })
  let proxy: FaultyProxy

  beforeEach(async () => {
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const address = echo.address()
    proxy = await faultyProxy({ port: typeof address === 'object' ? (address?.port ?? 0) : 0 })
  })
  afterEach(async () => {
    await proxy.close()
    for (const socket of accepted.splice(0)) socket.destroy()
    received.length = 0
    await new Promise((resolve) => echo.close(resolve))
  })

  const client = async () => {
    const socket = connect(proxy.port, '127.0.0.1')
    const heard: string[] = []
    let ended: string | undefined
    socket.on('data', (bytes) => heard.push(String(bytes)))
    socket.on('error', (error) => {
      ended = 'code' in error ? String(error.code) : error.message
    })
    socket.on('close', () => {
      ended ??= 'closed'
    })
    await once(socket, 'connect')
    return { socket, heard, ended: () => ended }
  }

  test('passes what it gets', async () => {
    const { socket, heard } = await client()
    socket.write('hello')
    await expect.poll(() => heard).toEqual(['hello'])
    expect([proxy.connections, proxy.accepted]).toEqual([1, 1])
    expect(proxy.url('amqp://user:secret@broker:5672/vhost')).toBe(`amqp://user:secret@127.0.0.1:${proxy.port}/vhost`)
  })

  test('an end does not overtake what is delayed, nor does what comes after the delay was taken back', async () => {
    const { socket, heard, ended } = await client()
    proxy.delay(60)
    socket.write('one ')
    await expect.poll(() => received).toEqual(['one '])
    proxy.delay(0)
    for (const each of accepted) each.end('two')
    await expect.poll(ended).toBe('closed')
    expect(heard.join('')).toBe('one two')
  })

  test('leaves no timer of a delayed piece behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const { socket } = await client()
    const before = timers()
    proxy.delay(60_000)
    socket.write('hello')
    await expect.poll(timers).toBeGreaterThan(before)
    await proxy.close()
    await sleep(20)
    expect(timers()).toBeLessThanOrEqual(before)
  })

  test('cuts', async () => {
    const { socket, ended } = await client()
    socket.write('hello')
    await expect.poll(() => received).toEqual(['hello'])
    proxy.cut()
    await expect.poll(ended).toBe('ECONNRESET')
  })

  test('cuts a connection that is just being ended, and leaves no handle, with which a process would never exit', async () => {
    const handles = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const before = handles()
    const { socket, heard, ended } = await client()
    socket.write('hello')
    await expect.poll(() => heard).toEqual(['hello'])
    const address = echo.address()
    const other = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
    await expect.poll(() => accepted.length).toBe(2)
    // In one turn of the event loop the proxy hears of the end, and then it is told to cut.
    accepted[1]?.once('data', () => proxy.cut())
    socket.end(() => other.write('now'))
    await expect.poll(ended).toBeDefined()
    other.destroy()
    await expect.poll(handles).toBe(before)
  })

  test('stalls, and delivers late', async () => {
    const { socket, heard, ended } = await client()
    await expect.poll(() => accepted.length).toBe(1)
    proxy.mode('stall')
    socket.write('hello')
    await sleep(50)
    expect([received, ended()]).toEqual([[], undefined])
    proxy.mode('pass')
    await expect.poll(() => heard).toEqual(['hello'])
  })

  test('swallows', async () => {
    const { socket, heard } = await client()
    await expect.poll(() => accepted.length).toBe(1)
    proxy.mode('swallow')
    socket.write('lost')
    await sleep(50)
    proxy.mode('pass')
    socket.write('found')
    await expect.poll(() => heard).toEqual(['found'])
    expect(received).toEqual(['found'])
  })

  test('is half open: what is sent takes effect, and no answer comes', async () => {
    const { socket, heard, ended } = await client()
    await expect.poll(() => accepted.length).toBe(1)
    proxy.mode('half-open')
    socket.write('hello')
    await expect.poll(() => received).toEqual(['hello'])
    await sleep(30)
    expect([heard, ended()]).toEqual([[], undefined])
  })

  test('delays', async () => {
    const { socket, heard } = await client()
    proxy.delay(40)
    const start = performance.now()
    socket.write('hello')
    await expect.poll(() => heard).toEqual(['hello'])
    expect(performance.now() - start).toBeGreaterThan(75)
  })

  test('refuses', async () => {
    proxy.mode('refuse')
    const socket = connect(proxy.port, '127.0.0.1')
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect([error.code, proxy.accepted]).toEqual(['ECONNRESET', 0])
  })

  test('closes, and may be closed twice', async () => {
    const { ended } = await client()
    await proxy.close()
    await proxy.close()
    await expect.poll(ended).toBeDefined()
  })
})

describe('faultyHttpProxy', () => {
  let server: HttpServer
  beforeEach(async () => {
    server = await httpServer({ '/items': ({ method, body }) => ({ body: { method, body } }) })
  })
  afterEach(() => server.close())

  test('passes requests on, and their answers back', async () => {
    await using proxy = await faultyHttpProxy(server.url)
    const answer = await fetch(`${proxy.origin}/items?a=1`, { method: 'POST', body: 'x', headers: { 'x-my': 'own' } })
    expect([answer.status, await answer.json()]).toEqual([200, { method: 'POST', body: 'x' }])
    expect([server.requests[0]?.url, server.requests[0]?.headers['x-my']]).toEqual(['/items?a=1', 'own'])
  })

  test('answers with a status, so often, for a path', async () => {
    await using proxy = await faultyHttpProxy(server.url)
    proxy.fault({ status: 429, headers: { 'retry-after': '7' }, body: 'slow down' }, { path: '/items', times: 2 })
    const statuses = []
    for (const path of ['/other', '/items', '/items?a=1', '/items'])
      statuses.push((await fetch(proxy.origin + path)).status)
    expect(statuses).toEqual([404, 429, 429, 200])
    expect([proxy.requests, server.requests.length]).toEqual([4, 2])
  })

  test('truncates, and the client can tell', async () => {
    await using proxy = await faultyHttpProxy(server.url)
    proxy.fault({ truncate: 0.5 })
    const answer = await fetch(`${proxy.origin}/items`)
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow('terminated')
    proxy.heal()
    expect((await fetch(`${proxy.origin}/items`)).status).toBe(200)
  })

  test.each([
    ['reset', 0],
    ['reset-after', 1],
  ] as const)('%s: the server got %i requests', async (fault, requests) => {
    await using proxy = await faultyHttpProxy(server.url)
    proxy.fault(fault)
    await expect(fetch(`${proxy.origin}/items`)).rejects.toThrow('fetch failed')
    expect(server.requests).toHaveLength(requests)
  })

  test('delays, and keeps silent', async () => {
    await using proxy = await faultyHttpProxy(server.url)
    proxy.fault({ delayMs: 50 }, { times: 1 })
    proxy.fault({ delayMs: Infinity })
    const start = performance.now()
    await fetch(`${proxy.origin}/items`)
    expect(performance.now() - start).toBeGreaterThan(45)
    await expect(fetch(`${proxy.origin}/items`, { signal: AbortSignal.timeout(80) })).rejects.toThrow('timeout')
  })

  test('resets when the server is gone, and refuses what is no origin', async () => {
    await using proxy = await faultyHttpProxy(server.url)
    await server.close()
    await expect(fetch(`${proxy.origin}/items`)).rejects.toThrow('fetch failed')
    await expect(faultyHttpProxy('https://127.0.0.1/')).rejects.toThrow(OptionError)
    await expect(faultyHttpProxy('nonsense')).rejects.toThrow(OptionError)
  })
})
