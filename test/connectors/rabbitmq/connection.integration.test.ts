import type { Channel } from 'amqplib'
import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RabbitConnection } from '../../../src/connectors/rabbitmq/connection.ts'
import {
  connectionSettings,
  type RabbitConnectionOptions,
} from '../../../src/connectors/rabbitmq/connection-options.ts'
import { RabbitError, RabbitRefusedError } from '../../../src/errors.ts'
import { brokerUrl, canOwnBroker, ownBroker, withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'

const eager = { initialDelayMs: 20, maxDelayMs: 200 }

function connection(options: RabbitConnectionOptions): RabbitConnection {
  const made = new RabbitConnection(connectionSettings('test', { reconnect: eager, ...options }))
  onTestFinished(() => made.close())
  return made
}

const target = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) || 5672 })
const nothing = async (): Promise<void> => undefined
const throughProxy = async () => {
  const proxy = await tcpProxy(target(brokerUrl()))
  return { proxy, url: proxy.url(brokerUrl()) }
}

describe('a channel', () => {
  it('is made anew, with the next generation, after its connection was cut, and set up again', async () => {
    const { proxy, url } = await throughProxy()
    const setups: number[] = []
    const channel = connection({ url }).channel({
      name: 'test',
      setup: async (_channel, generation) => setups.push(generation),
    })
    const first = await channel.open()
    const lost = firstValueFrom(channel.lost$)
    const again = firstValueFrom(channel.opened$)
    proxy.cut()
    expect(await lost).toMatchObject({
      generation: first.generation,
      error: { code: 'SLUICE_RABBITMQ', retryable: true },
    })
    const second = await again
    expect(second.generation).toBeGreaterThan(first.generation)
    expect(second.channel).not.toBe(first.channel)
    expect(channel.current).toBe(second)
    expect(setups).toEqual([first.generation, second.generation])
  })

  it('that the broker closes is made anew on the same connection', async () => {
    const { proxy, url } = await throughProxy()
    const channel = connection({ url }).channel({ name: 'test', setup: nothing })
    const { channel: first, generation } = await channel.open()
    const again = firstValueFrom(channel.opened$)
    first.checkQueue('sluice-test-there-is-none').catch(() => undefined)
    expect((await again).generation).toBe(generation + 1)
    expect(proxy.accepted).toBe(1)
  })

  it('is renewed on request', async () => {
    const channel = connection({ url: brokerUrl() }).channel({ name: 'test', setup: nothing })
    const { generation } = await channel.open()
    const lost = firstValueFrom(channel.lost$)
    const again = firstValueFrom(channel.opened$)
    channel.renew('no progress')
    expect((await lost).error.message).toBe('test: no progress')
    expect((await again).generation).toBe(generation + 1)
  })

  it('fails finally when its set-up is refused, and tries once more when it is asked for again', async () => {
    const broker = await withBroker()
    const name = broker.name()
    const channel = connection({ url: brokerUrl() }).channel({ name: 'test', setup: (made) => made.checkQueue(name) })
    await expect(channel.open()).rejects.toThrow(RabbitRefusedError)
    await expect(channel.open()).rejects.toThrow(/test: .*404.*no queue/)
    await broker.channel.assertQueue(name)
    expect((await channel.open()).generation).toBe(3)
  })

  it('after a close has no more generations, and says so', async () => {
    const made = connection({ url: brokerUrl() })
    const channel = made.channel({ name: 'test', setup: nothing })
    await channel.open()
    const lost: unknown[] = []
    channel.lost$.subscribe((one) => lost.push(one))
    await made.close()
    expect(channel.current).toBeUndefined()
    await expect(channel.open()).rejects.toThrow('test: the connection was closed')
    expect(lost).toEqual([])
  })
})

describe('a connection', () => {
  it.each([
    ['a wrong password', 'guest:wrong', '', /403/],
    ['a virtual host that is not there', 'guest:guest', '/none', /refused the virtual host "none"/],
  ])('is not tried again after %s, and no password is shown', async (_what, user, path, text) => {
    const url = new URL(brokerUrl())
    const [username = '', password = ''] = user.split(':')
    Object.assign(url, { username, password, pathname: path })
    const channel = connection({ url: url.href }).channel({ name: 'test', setup: nothing })
    const error = await channel.open().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RabbitRefusedError)
    expect(String(error)).toMatch(text)
    expect(String(error)).not.toContain('wrong')
  })

  it('that can’t be had fails in bounded time with the last problem, and goes on trying', async () => {
    const { proxy, url } = await throughProxy()
    proxy.mode('refuse')
    const channel = connection({ url, openTimeout: 300 }).channel({ name: 'test', setup: nothing })
    const error = await channel.open().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RabbitError)
    expect(String(error)).toMatch(/no channel in 0.3 s; last: no connection to 127\.0\.0\.1:\d+/)
    proxy.mode('pass')
    await channel.open()
  })

  it('to a broker that never answers is given up, and another one made', async () => {
    const { proxy, url } = await throughProxy()
    proxy.mode('swallow')
    const channel = connection({ url, connectTimeout: 200, openTimeout: 5_000 }).channel({
      name: 'test',
      setup: nothing,
    })
    const opened = channel.open()
    await expect.poll(() => proxy.accepted).toBeGreaterThan(1)
    proxy.mode('pass')
    await opened
  })

  it.each(['stall', 'swallow'] as const)('whose network is dead (%s) is noticed by its heartbeats', async (mode) => {
    const { proxy, url } = await throughProxy()
    const channel = connection({ url, heartbeat: '1 second', connectTimeout: 500 }).channel({
      name: 'test',
      setup: nothing,
    })
    await channel.open()
    const lost = firstValueFrom(channel.lost$)
    const again = firstValueFrom(channel.opened$)
    proxy.mode(mode)
    await lost
    proxy.mode('pass')
    await again
  })

  it('to a dead network closes in bounded time', async () => {
    const { proxy, url } = await throughProxy()
    const made = connection({ url, connectTimeout: 300, heartbeat: 0 })
    await made.channel({ name: 'test', setup: nothing }).open()
    proxy.mode('swallow')
    const begun = Date.now()
    await made.close()
    expect(Date.now() - begun).toBeLessThan(2_000)
  })

  it('that comes too late is thrown away, and its heartbeat with it', async () => {
    const { proxy, url } = await throughProxy()
    proxy.delay(100)
    const made = connection({ url, heartbeat: '1 second', connectTimeout: 300, openTimeout: 1_500 })
    const channel = made.channel({ name: 'test', setup: nothing })
    await expect(channel.open()).rejects.toThrow(/no channel in 1.5 s; last: .*no answer in 0.3 s/)
    await made.close()
    proxy.mode('swallow')
    // Longer than the heartbeat takes to find that nobody is there: what is left of it would be an uncaught error, which fails the run.
    await new Promise((resolve) => setTimeout(resolve, 3_500))
  })

  it.each(['to connect', 'to make a channel'])(
    'that is closed while it waits for the next attempt %s keeps no timer',
    async (what) => {
      const { proxy, url } = await throughProxy()
      if (what === 'to connect') await proxy.close()
      const reconnect = { initialDelayMs: 30_000, maxDelayMs: 30_000, random: () => 0.99 }
      const made = connection({ url, openTimeout: '1 minute', heartbeat: 0, reconnect })
      const setup = () => Promise.reject(new Error('not yet'))
      const opened = made.channel({ name: 'test', setup }).open()
      opened.catch(() => undefined)
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      await new Promise((resolve) => setTimeout(resolve, 200))
      const waiting = timers()
      await made.close()
      await expect(opened).rejects.toThrow('the connection was closed')
      expect(waiting - timers()).toBe(2) // the attempt's, and that of who waits
    },
  )

  it('takes the next node when one is not there', async () => {
    const { proxy, url } = await throughProxy()
    await proxy.close()
    await connection({ url: [url, brokerUrl()] })
      .channel({ name: 'test', setup: nothing })
      .open()
  })

  it('has the name and the virtual host that it was given, with a slash in it', async () => {
    const made = connection({ url: brokerUrl(), vhost: new URL(brokerUrl()).pathname.slice(1) || '/' })
    await made.channel({ name: 'test', setup: nothing }).open()
    expect(made.serverVersion).toMatch(/^\d+\.\d+/)
  })

  it.skipIf(!canOwnBroker)('outlives a broker that is killed and started again', async () => {
    const own = await ownBroker()
    const made = connection({ url: own.url })
    const channels: Channel[] = []
    const channel = made.channel({ name: 'test', setup: async (one) => channels.push(one) })
    await channel.open()
    await own.kill()
    await expect.poll(() => channel.current === undefined).toBe(true)
    await own.start()
    await channel.open()
    expect(channels.length).toBeGreaterThan(1)
  })

  it.skipIf(!canOwnBroker)('says why the broker takes no publishes, and closes all the same', async () => {
    const own = await ownBroker({ settings: ['vm_memory_high_watermark.absolute = 60MB'] })
    const made = connection({ url: own.url })
    const { channel } = await made.confirmChannel({ name: 'test', setup: nothing }).open()
    channel.publish('', 'none', Buffer.from('x'))
    const reason = await firstValueFrom(made.blocked$.pipe(filter((why) => why !== undefined)))
    expect(reason).toMatch(/memory/)
    const begun = Date.now()
    await made.close()
    expect(Date.now() - begun).toBeLessThan(2_000)
  })
})
