import { describe, expect, it } from 'vitest'
import { type CheckedQueue, checkQueue } from '../../../src/connectors/rabbitmq/checks.ts'
import { rabbitQueueSettings } from '../../../src/connectors/rabbitmq/queue-options.ts'

const sound: CheckedQueue = {
  queues: ['orders'],
  declare: { type: 'quorum', deadLetterExchange: 'dead' },
  prefetch: 1_000,
  maxBatch: 500,
  consumerTimeoutMs: 1_800_000,
  batchTimeMs: 60_000,
  poison: { deadLetter: 'broker' },
}

describe('the checks', () => {
  it('have nothing to say about a sound queue, or one that is declared elsewhere', () => {
    expect(checkQueue(sound, '4.1.0')).toEqual([])
    expect(checkQueue({ ...sound, declare: undefined }, '4.1.0')).toEqual([])
    expect(
      checkQueue({ ...sound, declare: { type: 'quorum', deliveryLimit: -1 }, poison: undefined }, '4.1.0'),
    ).toEqual([])
    expect(checkQueue({ ...sound, declare: { type: 'classic' }, poison: undefined }, '4.1.0')).toEqual([])
  })

  it.each<[string, Partial<CheckedQueue>, string | undefined, string]>([
    ['prefetch over 2000 on quorum', { prefetch: 2_001 }, undefined, 'prefetch is 2001'],
    [
      'a default limit without dead letters',
      { declare: { type: 'quorum' }, poison: undefined },
      '4.0.1',
      'limits deliveries to 20',
    ],
    ['a batch time near the timeout', { batchTimeMs: 1_000_000 }, undefined, 'less than half of it is safe'],
  ])('warn of %s', (_what, change, version, text) => {
    const warnings = checkQueue({ ...sound, ...change }, version)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(text)
  })

  it('know that there was no limit by default before 4.0', () => {
    expect(checkQueue({ ...sound, declare: { type: 'quorum' }, poison: undefined }, '3.13.7')).toEqual([])
  })

  it.each<[string, Partial<CheckedQueue>, string]>([
    ['a batch larger than the prefetch', { maxBatch: 1_001 }, 'maxBatch ≤ prefetch'],
    ['a batch that a quorum queue never delivers', { prefetch: 3_000, maxBatch: 2_001 }, '2000 deliveries under way'],
    ['a delivery limit without dead letters', { declare: { type: 'quorum', deliveryLimit: 5 } }, 'is deleted'],
    ['the same by arguments', { declare: { type: 'quorum', arguments: { 'x-delivery-limit': 5 } } }, 'is deleted'],
    ['rejecting without dead letters', { declare: { type: 'classic' } }, 'would be deleted'],
    ['poison with a prefetch of 1', { prefetch: 1, maxBatch: 1 }, 'prefetch of 2 or more'],
    ['a batch time beyond the timeout', { batchTimeMs: 1_800_000 }, 'deliver the messages again'],
  ])('refuse %s', (_what, change, text) => {
    expect(() => checkQueue({ ...sound, ...change })).toThrow(text)
  })
})

describe('the options', () => {
  const url = 'amqp://user:secret@127.0.0.1'

  it('have defaults', () => {
    expect(rabbitQueueSettings({ url, queue: 'q', prefetch: 7 })).toMatchObject({
      queues: ['q'],
      content: 'text',
      prefetch: 7,
      maxBatch: 4,
      consumerTimeoutMs: 1_800_000,
    })
  })

  it.each([
    [{ prefetch: 0 }, '"prefetch" must be an integer from 1'],
    [{ queue: [] }, '"queue" must be'],
    [{ queue: ['a', 'a'] }, 'names a queue twice'],
    [{ url: 'http://x:secret@h' }, '"url" must be a URL amqp'],
    [{ content: 'xml' as 'text' }, '"content" must be'],
    [{ poison: { deadLetter: 'nowhere' as 'broker' } }, '"deadLetter" must be'],
    [{ declare: { typ: 'quorum' } as object }, 'unknown option "typ"; did you mean "type"'],
    [{ tls: { ca: 'x' } }, 'need a URL amqps'],
    [{ heartbeat: '1500 ms' }, 'whole seconds'],
    [{ url: 'amqps://h', auth: 'external' as const }, 'tls.cert and tls.key'],
    [{ maxBatch: 2_000 }, 'maxBatch ≤ prefetch'],
  ])('refuse %j, and show no secret', (change, text) => {
    const refuse = () => rabbitQueueSettings({ url, queue: 'q', ...change })
    expect(refuse).toThrow(text)
    expect(refuse).not.toThrow('secret')
  })
})
