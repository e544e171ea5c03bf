import { Monitor, prometheusMetrics } from 'sluice/metrics'
import { expect, it } from 'vitest'
import { withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { collector } from './collector.ts'
import { numbers, source, start, target } from './queue-query.ts'

it('the metrics of a query over a queue tell what became of its messages, stale ones after a cut connection included', async () => {
  const broker = await withBroker()
  const queue = await broker.queue()
  const proxy = await tcpProxy(target(broker.url))
  const from = source({ queue, prefetch: 20, maxBatch: 10, url: proxy.url(broker.url) })
  const monitor = new Monitor()
  const metrics = prometheusMetrics(monitor)
  const told = async (kind: string): Promise<number> => {
    const { text } = await metrics.render()
    const line = new RegExp(`^sluice_query_settlements_total\\{query="test",kind="${kind}"\\} (\\d+)$`, 'm')
    return Number(line.exec(text)?.[1])
  }
  // The batch is being committed; then its connection goes, and with it the right to acknowledge it.
  let cuts = 0
  const { sink, bodies } = collector({
    onCommit: async () => {
      if (cuts++ > 0) return
      proxy.cut()
      await expect.poll(() => from.counts.generations).toBe(2)
    },
  })
  const run = start(from, sink, { limit: { minRows: 10, maxDelay: '5 seconds' } })
  monitor.watch(run)
  await expect.poll(() => told('acknowledged')).toBe(0) // there before anything has happened
  await broker.publish(queue, numbers(10))
  await expect.poll(() => told('acknowledged'), { timeout: 20_000 }).toBe(10)
  expect(await told('stale')).toBe(10)
  expect(await told('redelivered')).toBe(10)
  expect(await told('dead_lettered')).toBe(0)
  expect(bodies()).toHaveLength(20)
  const { acknowledged, stale, redelivered } = monitor.queries()[0]?.settlements ?? {}
  expect({ acknowledged, stale, redelivered }).toEqual({
    acknowledged: from.counts.settled,
    stale: from.counts.stale,
    redelivered: from.counts.redelivered,
  })
  const open = await metrics.render('openmetrics')
  expect(open.text).toMatch(/^sluice_query_settlements_total\{query="test",kind="stale"\} 10$/m)
})
