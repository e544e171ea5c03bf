import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { brokerUrl, withBroker } from '../support/rabbitmq.ts'
import { committedRows, type Example, startExample, temporaryFolder } from './child.ts'

/** With queues of its own, which are gone at the end. */
async function place(...queues: readonly string[]) {
  const folder = await temporaryFolder()
  const broker = await withBroker()
  const prefix = broker.name('example')
  onTestFinished(async () => {
    const cleaner = await broker.model.createChannel()
    for (const queue of queues) {
      await cleaner.deleteQueue(`${prefix}-${queue}`)
      await cleaner.deleteQueue(`${prefix}-${queue}-dead`)
    }
  })
  const env = {
    AMQP_URL: brokerUrl(),
    SLUICE_EXAMPLE_DATA: join(folder, 'data'),
    SLUICE_EXAMPLE_CHECKPOINTS: join(folder, 'checkpoints'),
    SLUICE_EXAMPLE_PREFIX: prefix,
    SLUICE_EXAMPLE_RATE: '200',
    SLUICE_EXAMPLE_ORDERS: '600',
  }
  return { broker, prefix, env, data: (name: string) => join(folder, 'data', name) }
}

async function interrupt(example: Example): Promise<void> {
  example.kill('SIGINT')
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
}

/** All that were published, from the first one on; repeats are left out. */
function expectNoneLost(ids: readonly number[]): void {
  const distinct = [...new Set(ids)].sort((a, b) => a - b)
  expect(distinct.length).toBeGreaterThan(50)
  expect(distinct).toEqual(Array.from({ length: distinct.length }, (_, id) => id))
}

test('06-orders: killed again and again, it loses no order', async () => {
  const { env, data } = await place('orders')
  for (let kill = 0; kill < 4; kill++) {
    const example = startExample('rabbitmq/orders.ts', env)
    await example.said('acknowledged')
    await sleep(Math.random() * 300)
    example.kill('SIGKILL')
    await example.ended
  }
  const last = startExample('rabbitmq/orders.ts', env)
  await last.said('acknowledged', 20)
  await interrupt(last)
  expectNoneLost((await committedRows<{ id: number }>(data('orders'))).map(({ id }) => id))
})

test('07-stream-replay: the same offset gives the same readings', async () => {
  const { env } = await place('readings')
  const outputs: string[] = []
  for (let run = 0; run < 2; run++) {
    const example = startExample('rabbitmq/stream-replay.ts', env)
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    outputs.push(example.output())
  }
  expect(outputs[0]).toContain('From offset 0: 1000 readings, up to offset 999.')
  expect(outputs[1]).toContain('From offset 0: 2000 readings, up to offset 1999.')
  const [first, second] = outputs.map((text) => /digest (\w{12})/.exec(text)?.[1])
  expect(first).toBeDefined()
  expect(second).toBe(first)
})

test('08-queue-to-queue: killed again and again, each order has an invoice, and repeats have its id', async () => {
  const { broker, prefix, env } = await place('billing', 'invoices')
  for (let kill = 0; kill < 4; kill++) {
    const example = startExample('rabbitmq/queue-to-queue.ts', env)
    await example.said('confirmed')
    await sleep(Math.random() * 300)
    example.kill('SIGKILL')
    await example.ended
  }
  const last = startExample('rabbitmq/queue-to-queue.ts', env)
  await last.said('confirmed', 20)
  await interrupt(last)
  const invoices = (await broker.drain(`${prefix}-invoices`)).map(({ properties, content }) => ({
    id: properties.messageId as string,
    order: (JSON.parse(content.toString()) as { order: number }).order,
  }))
  for (const { id, order } of invoices) expect(id).toBe(`invoice-${order}`)
  expectNoneLost(invoices.map(({ order }) => order))
})

test('09-three-processes: one is killed every second, and nothing is lost', async () => {
  const { env } = await place('shared')
  const example = startExample('rabbitmq/three-processes.ts', env)
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
  const [, kills, lost, repeats, bound] =
    /(\d+) kills: (\d+) orders lost, (\d+) repeats \((\d+) at most\)/.exec(example.output())?.map(Number) ?? []
  expect(kills).toBeGreaterThan(0)
  expect(lost).toBe(0)
  expect(repeats).toBeLessThanOrEqual(bound as number)
})
