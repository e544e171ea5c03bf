import { randomUUID } from 'node:crypto'
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type GetMessage, type Options } from 'amqplib'

/** A connection of the test's own beside the one under test, with names that no other test has. All of it is gone at the test's end. */
export interface Broker {
  readonly url: string
  readonly model: ChannelModel
  readonly channel: ConfirmChannel
  /** A name of its own; a queue or exchange of that name is deleted at the end. */
  readonly name: (text?: string) => string
  /** Declares a durable queue. */
  readonly queue: (
    options?: Options.AssertQueue & { readonly type?: 'classic' | 'quorum' | 'stream' },
  ) => Promise<string>
  /** Publishes persistent messages to a queue and waits for the confirms. */
  readonly publish: (
    queue: string,
    bodies: readonly (string | (Options.Publish & { readonly body: string }))[],
  ) => Promise<void>
  /** Messages that are ready, so not those that a consumer holds. */
  readonly ready: (queue: string) => Promise<number>
  /** Takes all ready messages out. */
  readonly drain: (queue: string) => Promise<GetMessage[]>
  readonly close: () => Promise<void>
}

/** The same outside of a test; the caller closes it. */
export async function openBroker(url: string): Promise<Broker> {
  const model = await connect(url)
  model.on('error', () => undefined)
  const channel = await model.createConfirmChannel()
  channel.on('error', () => undefined)
  const names: string[] = []
  const name = (text = 'queue'): string => {
    const unique = `sluice-test-${text}-${randomUUID().slice(0, 8)}`
    names.push(unique)
    return unique
  }
  return {
    url,
    model,
    channel,
    name,
    queue: async ({ type, ...options } = {}) => {
      const { queue } = await channel.assertQueue(name(), {
        durable: true,
        ...options,
        arguments: { ...(type === undefined ? {} : { 'x-queue-type': type }), ...options.arguments },
      })
      return queue
    },
    publish: async (queue, bodies) => {
      for (const item of bodies) {
        const { body, ...options } = typeof item === 'string' ? { body: item } : item
        channel.sendToQueue(queue, Buffer.from(body), { persistent: true, ...options })
      }
      await channel.waitForConfirms()
    },
    ready: async (queue) => (await channel.checkQueue(queue)).messageCount,
    drain: async (queue) => {
      const all: GetMessage[] = []
      for (
        let one = await channel.get(queue, { noAck: true });
        one !== false;
        one = await channel.get(queue, { noAck: true })
      )
        all.push(one)
      return all
    },
    close: async () => {
      const cleaner = await cleanChannel(model)
      for (const unique of names) {
        await cleaner?.deleteQueue(unique).catch(() => undefined)
        await cleaner?.deleteExchange(unique).catch(() => undefined)
      }
      await model.close().catch(() => undefined)
    },
  }
}

// The test's own channel may have been closed by an error that it provoked.
async function cleanChannel(model: ChannelModel): Promise<Channel | undefined> {
  try {
    const channel = await model.createChannel()
    channel.on('error', () => undefined)
    return channel
  } catch {
    return undefined // the connection is gone
  }
}
