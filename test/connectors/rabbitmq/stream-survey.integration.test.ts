import { expect, onTestFinished, test, vi } from 'vitest'
import { surveyStream } from '../../../src/connectors/rabbitmq/stream-survey.ts'
import { withBroker } from '../../support/rabbitmq.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`)

test('the end of a stream that is being written to costs little, whatever is written meanwhile', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(5))
  const channel = await broker.model.createChannel()
  const acknowledged = vi.spyOn(channel, 'ack')
  let published = 5
  let confirmed = published
  let isOver = false
  // A few messages at a time, without a pause: chunks stay small, and there is always one more.
  const writing = (async () => {
    while (!isOver) {
      published += 20
      await broker.publish(stream, numbers(20))
      confirmed = published
    }
  })()
  onTestFinished(async () => {
    isOver = true
    await writing.catch(() => undefined)
  })
  await expect.poll(() => confirmed).toBeGreaterThan(100)
  for (let look = 0; look < 10; look++) {
    const before = confirmed
    const { head } = await surveyStream(channel, stream, 'next')
    expect(head).toBeGreaterThanOrEqual(before)
    expect(head).toBeLessThanOrEqual(published)
  }
  isOver = true
  await writing
  expect(acknowledged.mock.calls.length).toBeLessThan(200)
  expect(await surveyStream(channel, stream, 'first')).toEqual({ first: 0, head: published })
})
