import { createServer, type OutgoingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import { fetchPage } from '../../../../src/connectors/rest/pagination/paginate.ts'

async function serving(listener: Parameters<typeof createServer>[1], options: ClientOptions) {
  const server: Server = createServer(listener as never).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const client = httpClient({ retry: { maxAttempts: 1 }, ...options })
  onTestFinished(async () => {
    await client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { client, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

it('a server that sends a byte now and then for ever is left when the time is over', async () => {
  const { client, url } = await serving(
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    },
    { timeout: { idle: '500 ms', total: '1 second' } },
  )
  const start = performance.now()
  await expect(fetchPage(client, { url })).rejects.toThrow('took longer than the 1000 ms that "timeout.total" allows')
  expect(performance.now() - start).toBeLessThan(5_000)
})

it.each(['ignored', 'encoded', 'without rows', 'elsewhere'])(
  'an answer that nobody reads, and that never ends, holds its connection for a second or so: %s',
  async (kind) => {
    let open = 0
    const { client, url } = await serving(
      ({ url: path }, response) => {
        if (path === '/end') return void response.end('[]')
        open++
        const headers = { 'content-type': 'application/json', ...answers[kind]?.headers }
        response.writeHead(answers[kind]?.status ?? 200, headers)
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => {
          open--
          clearInterval(timer)
        })
      },
      {
        connections: 1,
        timeout: { total: '20 seconds' },
        filters: [{ status: 404, action: 'ignore' }],
      },
    )
    const first = fetchPage(client, { url })
    if (kind === 'encoded') await expect(first).rejects.toThrow('content encoding "odd"')
    else expect((await first).end().count).toBe(0)
    expect((await fetchPage(client, { url: `${url}end` })).end().count).toBe(0)
    expect(open).toBe(0)
  },
)

const answers: Readonly<Record<string, { status: number; headers?: OutgoingHttpHeaders }>> = {
  ignored: { status: 404 },
  encoded: { status: 200, headers: { 'content-encoding': 'odd' } },
  'without rows': { status: 205 },
  elsewhere: { status: 302, headers: { location: '/end' } },
}
