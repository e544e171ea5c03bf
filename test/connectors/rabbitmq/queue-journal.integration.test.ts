import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journaled, readStream, sqliteCheckpoint, whenAvailable } from 'sluice'
import { expect, it, onTestFinished } from 'vitest'
import { withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { collector } from './collector.ts'
import { numbers, restart, source, target } from './queue-query.ts'

function journal(from: ReturnType<typeof source>, sink: ReturnType<typeof collector>['sink'], window = 40) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rabbitmq-'))
  const run = readStream(journaled(from, { identity: ({ messageId }) => messageId, window }))
    .writeStream(sink, {
      name: 'journaled',
      checkpoint: sqliteCheckpoint(join(folder, 'checkpoint.sqlite')),
      trigger: whenAvailable({ maxWait: '200 ms' }),
      restart,
      limit: { minRows: 10, maxDelay: '300 ms' },
    })
    .start()
  run.terminated.catch(() => undefined)
  onTestFinished(async () => {
    await run.stop().catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  })
  return run
}

const named = (bodies: readonly string[]) => bodies.map((body) => ({ body, messageId: `m${body}` }))

it('a journaled batch is acknowledged before the sink commits: the broker has forgotten it, however long that takes', async () => {
  const broker = await withBroker()
  const queue = await broker.queue({ type: 'quorum' })
  const proxy = await tcpProxy(target(broker.url))
  const from = source({ queue, prefetch: 10, maxBatch: 10, url: proxy.url(broker.url) })
  const gate = Promise.withResolvers<void>()
  const { sink, bodies } = collector({ onCommit: () => gate.promise })
  journal(from, sink)
  onTestFinished(() => gate.resolve())
  await broker.publish(queue, named(numbers(10)))
  await expect.poll(() => from.counts.settled).toBe(10)
  // Ten are under way at most: the broker gives another one only when it has the acknowledgement.
  await broker.publish(queue, named(['later']))
  await expect.poll(() => from.counts.delivered).toBe(11)
  proxy.cut()
  await expect.poll(() => from.counts.delivered).toBe(12)
  expect(bodies()).toEqual([])
  gate.resolve()
  await expect.poll(bodies).toEqual([...numbers(10), 'later'])
  expect(from.counts).toMatchObject({ redelivered: 1, released: 0 })
})

it('a message without an id fails the batch, and stays in the queue', async () => {
  const broker = await withBroker()
  const queue = await broker.queue()
  await broker.publish(queue, ['nameless'])
  const { sink, bodies } = collector()
  const run = journal(source({ queue, prefetch: 20 }), sink)
  await expect(run.terminated).rejects.toThrow(/identity/)
  await expect.poll(() => broker.ready(queue)).toBe(1)
  expect(bodies()).toEqual([])
})

it('a window that may forget what comes again is refused at the start', async () => {
  const run = journal(source({ queue: 'any', prefetch: 20 }), collector().sink, 39)
  await expect(run.terminated).rejects.toThrow(/"window" is 39, .* expected 40 or more/)
})
