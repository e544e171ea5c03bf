import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serveDashboard } from '../../src/dashboard/serve-dashboard.ts'
import type { ServeMetricsOptions } from '../../src/metrics/serve-metrics.ts'
import { fakeRun } from '../metrics/a-monitor.ts'
import { attemptIn, testContext } from '../operators/a-run.ts'

async function served(options: Partial<ServeMetricsOptions> = {}) {
  const server = await serveDashboard({ port: 0, ...options })
  onTestFinished(() => server.close())
  return server
}

/** Asks for the events; `reads: false`: and never looks at what comes. */
async function listener(port: number, reads = true): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('error', () => {})
  socket.setEncoding('utf8')
  if (reads) socket.on('data', (text: string) => (heard += text))
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return { socket, heard: () => heard }
}

describe('the events of the page', () => {
  it('go to twenty pages; more of them leave the connections to scrapes and health checks', async () => {
    const server = await served()
    const pages = await Promise.all(Array.from({ length: 25 }, () => listener(server.port)))
    const answers = () => pages.map(({ heard }) => heard().slice(9, 12))
    await expect.poll(() => answers().filter((status) => status !== '').length).toBe(25)
    expect(answers().filter((status) => status === '200')).toHaveLength(20)
    expect(answers().filter((status) => status === '503')).toHaveLength(5)
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200)
    pages[0]?.socket.destroy()
    await expect
      .poll(async () => {
        const { heard, socket } = await listener(server.port)
        await expect.poll(heard).not.toBe('')
        socket.destroy()
        return heard().slice(9, 12)
      })
      .toBe('200')
  })

  it('are dropped for a page that doesn’t read them, and not kept in memory', async () => {
    const server = await served()
    const runs = Array.from({ length: 8 }, (_, i) => fakeRun(`q${i}`))
    for (const { tell, ...run } of runs) {
      server.watch(run)
      for (let partitionId = 0; partitionId < 200; partitionId++) {
        const { liveFigures } = attemptIn(testContext())
        const place = { batchId: 0, partitionId, partition: `partition ${partitionId}`, attempt: 0 }
        tell(0, { type: 'partition-started', ...place, figures: () => liveFigures })
      }
    }
    const silent = await listener(server.port, false)
    const reader = await listener(server.port)
    await expect.poll(() => reader.heard()).toContain('data: ')
    const telling = setInterval(() => runs[0]?.tell(Date.now(), { type: 'warning', message: 'look' }), 50)
    onTestFinished(() => clearInterval(telling))
    await expect.poll(() => reader.heard().length, { timeout: 30_000 }).toBeGreaterThan(20 * 2 ** 20)
    const closed = once(silent.socket, 'close')
    silent.socket.resume() // what is on its way still comes
    await closed
    expect(silent.socket.bytesRead).toBeLessThan(reader.heard().length)
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
    expect(reader.socket.destroyed).toBe(false)
  })

  it('are looked up once for all pages', async () => {
    const server = await served()
    let looks = 0
    const { queries } = server.monitor
    server.monitor.queries = () => {
      looks++
      return queries.call(server.monitor)
    }
    for (let i = 0; i < 10; i++) await listener(server.port)
    await new Promise((resolve) => setTimeout(resolve, 300))
    looks = 0
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    expect(looks).toBeLessThanOrEqual(6) // two or three for the pages, as many for the history
  })

  it('want the token, and say no secret', async () => {
    const server = await served({ token: 'open sesame' })
    const run = fakeRun('https://me:hunter2@example.com/')
    server.watch(run)
    run.tell(1, { type: 'failed', error: new Error('GET https://me:hunter2@example.com/?token=hunter2') })
    expect((await fetch(`${server.url}/events`)).status).toBe(401)
    const answer = await fetch(`${server.url}/events`, { headers: { authorization: 'Bearer open sesame' } })
    const reader = answer.body?.getReader()
    let text = ''
    while (!text.includes('data: ')) text += new TextDecoder().decode((await reader?.read())?.value)
    await reader?.cancel()
    expect(text).toContain('Terminated with exception')
    expect(text).not.toContain('hunter2')
  })

  it('that can’t be made end the pages, and nothing else', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const server = await served()
    const page = await listener(server.port)
    await expect.poll(page.heard).toContain('data: ')
    server.monitor.queries = () => {
      throw new Error('password=hunter2')
    }
    await once(page.socket, 'close')
    await expect.poll(() => warnings).toContain('the page could not be told: password=***')
  })
})
