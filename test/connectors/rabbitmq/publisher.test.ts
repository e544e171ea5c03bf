import { EventEmitter } from 'node:events'
import type { ConfirmChannel } from 'amqplib'
import { BehaviorSubject, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { ManagedConfirmChannel } from '../../../src/connectors/rabbitmq/managed-channel.ts'
import { type OutgoingMessage, Publisher, PublishGroup } from '../../../src/connectors/rabbitmq/publisher.ts'
import { RabbitError, RabbitRefusedError } from '../../../src/errors.ts'

type Settle = (error: Error | null) => void

/** A channel that confirms when the test says so. */
class ChannelByHand extends EventEmitter {
  readonly published: { readonly id: string; readonly settle: Settle }[] = []
  publish(_exchange: string, _key: string, _content: Buffer, { messageId }: { messageId: string }, settle: Settle) {
    this.published.push({ id: messageId, settle })
    return true
  }
  get ids(): string[] {
    return this.published.map(({ id }) => id)
  }
  confirm(count: number, error: Error | null = null): void {
    for (const { settle } of this.published.splice(0, count)) settle(error)
  }
}

function setUp(bounds: { readonly maxInFlight?: number; readonly maxInFlightBytes?: number } = {}) {
  const channel = new ChannelByHand()
  const blocked$ = new BehaviorSubject<string | undefined>(undefined)
  const scheduler = new VirtualTimeScheduler()
  const renewals: string[] = []
  const confirmChannel = (role: { readonly setup: (channel: ConfirmChannel, generation: number) => unknown }) => {
    role.setup(channel as unknown as ConfirmChannel, 1)
    return {
      open: async () => ({ channel, generation: 1 }),
      renew: (reason: string) => renewals.push(reason),
    } as unknown as ManagedConfirmChannel
  }
  const connection = { confirmChannel, blocked$, close: () => Promise.resolve() }
  const settings = { name: 'test', maxInFlight: 10, maxInFlightBytes: 1_000, confirmMs: 5_000, check: async () => {} }
  const publisher = new Publisher(connection, { ...settings, ...bounds }, scheduler)
  return { channel, blocked$, scheduler, renewals, publisher, group: new PublishGroup() }
}

const messages = (count: number, bytes = 1): OutgoingMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    exchange: '',
    routingKey: 'orders',
    content: Buffer.alloc(bytes),
    properties: { messageId: `m${index}` },
  }))

/** Lets promises settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

function watch(promise: Promise<unknown>) {
  const state: { done: boolean; error: unknown } = { done: false, error: undefined }
  promise.then(
    () => {
      state.done = true
    },
    (error: unknown) => {
      state.error = error
    },
  )
  return state
}

describe('what is in flight', () => {
  test('is bounded in number; room is made for half of it at a time', async () => {
    const { channel, publisher, group } = setUp()
    const publishing = watch(publisher.publish(group, messages(25)))
    await settled()
    expect(channel.published).toHaveLength(10)
    channel.confirm(5)
    await settled()
    expect(channel.published).toHaveLength(5)
    channel.confirm(1)
    await settled()
    expect(channel.published).toHaveLength(10)
    expect(publishing.done).toBe(false)
    channel.confirm(10)
    await settled()
    expect(publishing.done).toBe(true)
    expect(channel.ids.at(-1)).toBe('m24')
  })

  test('is bounded in bytes, and a message that is larger goes alone', async () => {
    const { channel, publisher, group } = setUp({ maxInFlight: 100 })
    const small = messages(5, 300)
    const publishing = watch(publisher.publish(group, [...small, ...messages(1, 5_000), ...messages(1)]))
    await settled()
    expect(channel.published).toHaveLength(3)
    channel.confirm(3)
    await settled()
    expect(channel.published).toHaveLength(2)
    channel.confirm(2)
    await settled()
    expect(channel.published).toHaveLength(1)
    expect(publishing.done).toBe(false)
    channel.confirm(1)
    await settled()
    expect(publishing.done).toBe(true)
  })

  test('is confirmed when all of the group is, whatever others wait for', async () => {
    const { channel, publisher, group } = setUp()
    await publisher.publish(group, messages(2))
    await publisher.publish(new PublishGroup(), messages(1))
    const confirmed = watch(publisher.confirmed(group))
    channel.confirm(1)
    await settled()
    expect(confirmed.done).toBe(false)
    channel.confirm(1)
    await settled()
    expect(confirmed.done).toBe(true)
  })
})

describe('a failure', () => {
  test('of a message is that of its group, and of no other', async () => {
    const { channel, publisher, group } = setUp()
    const other = new PublishGroup()
    await publisher.publish(group, messages(1))
    await publisher.publish(other, messages(1))
    channel.confirm(1, new Error('message nacked'))
    channel.confirm(1)
    await expect(publisher.confirmed(group)).rejects.toThrow(RabbitError)
    await expect(publisher.confirmed(group)).rejects.toThrow('test: message m0: message nacked')
    await expect(publisher.publish(group, messages(1))).rejects.toThrow(RabbitError)
    await publisher.confirmed(other)
    expect(channel.published).toHaveLength(0)
  })

  test('is a message that comes back, although it is confirmed', async () => {
    const { channel, publisher, group } = setUp()
    await publisher.publish(group, messages(3))
    channel.emit('return', { fields: { replyText: 'NO_ROUTE' }, properties: { messageId: 'm1' } })
    channel.confirm(3)
    await expect(publisher.confirmed(group)).rejects.toThrow(RabbitRefusedError)
    await expect(publisher.confirmed(group)).rejects.toThrow('message m1 was returned: NO_ROUTE')
  })

  test('of a message that cannot be encoded is final; that of a closed channel is not', async () => {
    const { channel, publisher, group } = setUp()
    channel.publish = () => {
      throw new TypeError('headers is not an object')
    }
    await expect(publisher.publish(group, messages(1))).rejects.toThrow(RabbitRefusedError)
    channel.publish = () => {
      throw Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' })
    }
    await expect(publisher.publish(group, messages(1))).rejects.toThrow(RabbitError)
    expect(group.unconfirmed).toBe(0)
  })
})

describe('waiting', () => {
  test('for a confirm ends when none at all came in time, with a new channel', async () => {
    const { channel, scheduler, renewals, publisher, group } = setUp()
    await publisher.publish(group, messages(3))
    const confirmed = watch(publisher.confirmed(group))
    await settled()
    scheduler.schedule(() => channel.confirm(1), 4_000)
    scheduler.maxFrames = 4_000
    scheduler.flush()
    await settled()
    scheduler.maxFrames = 8_999
    scheduler.flush()
    await settled()
    expect(confirmed.error).toBeUndefined()
    scheduler.maxFrames = 9_000
    scheduler.flush()
    await settled()
    expect(confirmed.error).toEqual(new RabbitError('test: 2 messages are unconfirmed, and no confirm came in 5 s'))
    expect(renewals).toEqual(['no confirm in 5 s'])
  })

  test('while the broker takes nothing goes on when it does, in the channel that is there', async () => {
    const { channel, blocked$, scheduler, renewals, publisher, group } = setUp()
    blocked$.next('low on memory')
    const publishing = watch(publisher.publish(group, messages(1)))
    await settled()
    expect(channel.published).toHaveLength(0)
    blocked$.next(undefined)
    await settled()
    expect(channel.published).toHaveLength(1)
    expect(publishing.done).toBe(true)

    blocked$.next('low on disk')
    const late = watch(publisher.publish(group, messages(1)))
    await settled()
    scheduler.maxFrames = 5_000
    scheduler.flush()
    await settled()
    expect(late.error).toBeInstanceOf(RabbitError)
    expect(String(late.error)).toContain('the broker has taken no messages for 5 s (low on disk)')
    expect(renewals).toEqual([])
  })

  test('ends for a group that is left, and when the publisher is closed', async () => {
    const { channel, publisher, group } = setUp()
    const publishing = watch(publisher.publish(group, messages(11)))
    await settled()
    publisher.leave(group, new Error('aborted'))
    await settled()
    expect(publishing.error).toEqual(new Error('aborted'))
    expect(channel.published).toHaveLength(10)

    const other = new PublishGroup()
    const waiting = watch(publisher.publish(other, messages(1)))
    await settled()
    await publisher.close()
    await settled()
    expect(waiting.error).toBeInstanceOf(RabbitError)
  })
})
