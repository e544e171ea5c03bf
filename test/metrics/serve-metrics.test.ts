import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import { throwError } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { defineDataSource } from '../../src/data-source.ts'
import { OptionError } from '../../src/errors.ts'
import type { QuerySnapshot } from '../../src/metrics/query-snapshot.ts'
import { type ServeMetricsOptions, serveMetrics } from '../../src/metrics/serve-metrics.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSink, numberSource } from '../engine/recording.ts'
import { fakeRun } from './a-monitor.ts'

async function served(options: Partial<ServeMetricsOptions> = {}) {
  const server = await serveMetrics({ port: 0, ...options })
  onTestFinished(() => server.close())
  return server
}

/** Says something to the port and hears what comes until the connection ends. */
function said(port: number, words: string, more: string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(words))
    for (const part of more) socket.write(part)
    socket.setEncoding('utf8')
    socket.on('data', (data: string) => {
      heard += data
    })
    socket.on('close', () => resolve(heard))
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(heard) : reject(error)))
  })
}

describe('serveMetrics', () => {
  it('serves metrics in both formats, health and queries, and nothing else', async () => {
    const server = await served()
    const run = readStream(numberSource(() => 12))
      .writeStream(numberSink(), { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .start()
    server.watch(run)
    await run.terminated
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    const plain = await fetch(`${server.url}/metrics`)
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await plain.text()).toMatch(/^sluice_query_batches_total\{query="q",outcome="committed"\} 1$/m)
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3'
    const open = await fetch(`${server.url}/metrics`, { headers: { accept } })
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text')
    expect((await open.text()).endsWith('# EOF\n')).toBe(true)
    expect(await (await fetch(`${server.url}/health/live`)).json()).toEqual({ live: true })
    expect(await (await fetch(`${server.url}/health/ready`)).json()).toEqual({ ready: true, queries: { q: 'ended' } })
    const [query] = (await (await fetch(`${server.url}/queries`)).json()) as QuerySnapshot[]
    expect(query).toMatchObject({ name: 'q', lastBatchId: 0, lastProgress: { numInputRows: 12 } })
    const paths = ['/', '/metrics/', '/Metrics', '/health', '/constructor', '/..%2fmetrics', '//metrics']
    for (const path of paths) expect([path, (await fetch(`${server.url}${path}`)).status]).toEqual([path, 404])
    expect((await fetch(`${server.url}/metrics`, { method: 'DELETE' })).status).toBe(404)
    const head = await fetch(`${server.url}/metrics?x=1`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('is not ready when a query has failed', async () => {
    const server = await served()
    const run = fakeRun('orders')
    server.watch(run)
    run.tell(1, { type: 'failed', error: new Error('gone') })
    const answer = await fetch(`${server.url}/health/ready`)
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, queries: { orders: 'failed' } }])
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
  })

  it('wants the token, where there is one; health says less without it', async () => {
    const server = await served({ token: 's3cret-token' })
    const run = fakeRun('orders')
    server.watch(run)
    const status = async (path: string, authorization?: string) =>
      (await fetch(`${server.url}${path}`, authorization === undefined ? {} : { headers: { authorization } })).status
    for (const wrong of [
      undefined,
      'Bearer',
      'Bearer s3cret-toke',
      'Bearer s3cret-token2',
      'Basic s3cret-token',
      's3cret-token',
    ])
      expect([wrong, await status('/metrics', wrong)]).toEqual([wrong, 401])
    expect(await status('/queries')).toBe(401)
    expect(await status('/nothing')).toBe(404)
    for (const path of ['/metrics', '/queries']) expect(await status(path, 'Bearer s3cret-token')).toBe(200)
    expect(await (await fetch(`${server.url}/health/ready`)).json()).toEqual({ ready: true })
    expect((await fetch(`${server.url}/metrics`)).headers.get('www-authenticate')).toBe('Bearer')
  })

  it('answers to addresses, localhost and the names that it was given', async () => {
    const server = await served({ hostNames: ['metrics.internal'] })
    const status = (host: string) =>
      new Promise((resolve, reject) => {
        const request = httpRequest(`${server.url}/queries`, { headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        request.on('error', reject).end()
      })
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:80', 'metrics.internal:9464'])
      expect(await status(host)).toBe(200)
    for (const host of ['evil.example', 'localhost.evil.example']) expect(await status(host)).toBe(421)
  })

  it('cuts off what is slow or large', async () => {
    const server = await served()
    const large = await said(
      server.port,
      `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(large).toMatch(/^HTTP\/1\.1 431 /)
    const body = await said(server.port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx')
    expect(body).toMatch(/^HTTP\/1\.1 413 /)
    const chunked = await said(
      server.port,
      'POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /)
    const since = Date.now()
    const slow = await said(server.port, 'GET /metrics HTTP/1.1\r\nHost: loc')
    expect(slow).toMatch(/^(?:HTTP\/1\.1 408 |$)/)
    expect(Date.now() - since).toBeLessThan(15_000)
  })

  it('refuses what can’t be, without showing the token', async () => {
    await expect(served({ port: 70_000 })).rejects.toThrow('serveMetrics: option "port" must be a port')
    await expect(served({ token: '' })).rejects.toThrow(
      /^serveMetrics: option "token" must be printable ASCII without spaces at its ends$/,
    )
    await expect(served({ tokn: 'x' } as object)).rejects.toThrow('did you mean "token"?')
    const server = await served()
    await expect(served({ port: server.port })).rejects.toThrow(OptionError)
    await expect(served({ port: server.port })).rejects.toThrow('is taken')
  })

  it('wants a token that a header can hold', async () => {
    for (const token of ['pässword', '→', ' padded', 'padded ', 'a\nb', 'a\tb']) {
      await expect(served({ token })).rejects.toThrow(
        'option "token" must be printable ASCII without spaces at its ends',
      )
      await expect(served({ token })).rejects.not.toThrow(token.trim())
    }
    const server = await served({ token: '~ two words !' })
    const headers = { authorization: 'bearer ~ two words !' }
    expect((await fetch(`${server.url}/metrics`, { headers })).status).toBe(200)
  })

  it('answers nobody who asks strangely', async () => {
    const server = await served()
    const first = async (words: string) => (await said(server.port, words)).split('\r\n')[0]
    const host = 'Host: localhost\r\nConnection: close\r\n'
    expect(await first(`GET http://evil.example/metrics HTTP/1.1\r\n${host}\r\n`)).toContain('404')
    expect(await first(`OPTIONS * HTTP/1.1\r\n${host}\r\n`)).toContain('404')
    expect(await first(`POST /metrics HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`)).toContain('404')
    expect(await first(`GET /metrics HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`)).toMatch(
      /100|413/,
    )
    expect(await first(`GET /metrics HTTP/1.1\r\n${host}Upgrade: websocket\r\n\r\n`)).toContain('200')
    expect(await first('GET /metrics HTTP/1.0\r\n\r\n')).toContain('421')
    expect(await first('GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n')).toContain('400')
    expect(await first('CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n')).toBe('')
    expect(await first('\x16\x03\x01\x02\x00\x01\x00')).toContain('400') // TLS
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
  })

  it('shows no secrets: neither those of a source’s options nor those in what it failed with', async () => {
    const server = await served()
    const secret = 'hunter2-5f1d'
    const url = `https://me:${secret}@api.example/v1?api_key=${secret}`
    const api = defineDataSource({
      name: 'api',
      schema: schema('n int not null'),
      streamReader: (options: { readonly url: string; readonly token: string }) => ({
        ...numberSource(() => 3).streamReader(),
        partitionKey: () => options.url,
        read: () => throwError(() => new Error(`GET ${options.url} with Authorization: Bearer ${options.token}: 500`)),
      }),
    })
    const run = readStream(api({ url, token: secret }))
      .writeStream(numberSink(), {
        name: `numbers of ${url}`,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: { maxAttempts: 2, initialDelayMs: 0 },
        restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
      })
      .start()
    server.watch(run)
    await run.terminated.catch(() => {})
    for (const path of ['/metrics', '/queries', '/health/ready']) {
      const text = await (await fetch(`${server.url}${path}`)).text()
      expect([path, text.includes(secret)]).toEqual([path, false])
      expect(text).toContain('numbers of')
    }
    expect(await (await fetch(`${server.url}/queries`)).text()).toContain('500')
  })

  it('that is closed twice leaves a shared registry to whom it belongs by then', async () => {
    const registry = new Registry()
    const first = await serveMetrics({ port: 0, registry })
    await first.close()
    const second = await served({ registry })
    await first.close()
    expect(await (await fetch(`${second.url}/metrics`)).text()).toContain('sluice_build_info')
  })

  it('ends with its scope, and lets the port go', async () => {
    let port = 0
    let registry: { getMetricsAsArray: () => readonly object[] } | undefined
    {
      await using server = await serveMetrics({ port: 0 })
      port = server.port
      registry = server.registry
      expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
    }
    expect(registry?.getMetricsAsArray()).toEqual([])
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow()
    await (await served({ port })).close()
  })
})
