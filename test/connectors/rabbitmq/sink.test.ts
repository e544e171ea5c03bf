import { describe, expect, test } from 'vitest'
import { rabbitmqSink } from '../../../src/connectors/rabbitmq/sink.ts'
import type { RabbitSinkOptions } from '../../../src/connectors/rabbitmq/sink-options.ts'
import { OptionError } from '../../../src/errors.ts'

const url = 'amqp://127.0.0.1:1'
const sink = (options: object) => rabbitmqSink({ url, ...options } as RabbitSinkOptions)

describe('what the sink promises', () => {
  const key = () => 'k'
  test.each([
    [{}, 'append'],
    [{ messageId: key }, 'append'],
    [{ deduplicated: true }, { idempotent: 'position' }],
    [{ deduplicated: true, messageId: key }, { idempotent: 'key' }],
  ] as const)('%o: %o', (options, guarantee) => {
    expect(sink({ queue: 'orders', ...options }).streamWriter().guarantee).toEqual(guarantee)
  })
})

describe('options', () => {
  test.each([
    [{}, 'one of the options "exchange" and "queue"'],
    [{ queue: 'a', exchange: 'b' }, 'one of the options "exchange" and "queue"'],
    [{ queue: 'a', routingKey: 'b' }, '"routingKey" goes with "exchange"'],
    [{ queue: '' }, '"queue" must be a string that is not empty'],
    [{ exchange: 'a', routingKey: 7 }, '"routingKey" must be a string or a function'],
    [{ queue: 'a', maxInFlight: 0 }, '"maxInFlight" must be a positive integer'],
    [{ queue: 'a', confirmTimeout: 0 }, '"confirmTimeout"'],
    [{ queue: 'a', mandatry: true }, 'did you mean "mandatory"'],
  ])('%o is refused at the call', (options, message) => {
    expect(() => sink(options)).toThrow(OptionError)
    expect(() => sink(options)).toThrow(message)
  })

  test('a URL never shows in an error', () => {
    expect(() => rabbitmqSink({ url: 'http://user:hush@host', queue: 'a' })).toThrow(OptionError)
    expect(() => rabbitmqSink({ url: 'http://user:hush@host', queue: 'a' })).not.toThrow('hush')
  })

  test.each(['amqp://user:hush%zz@host', 'amqp://user:hush@host/%zz', 'amqp://%zzhush@host'])(
    'a URL that cannot be decoded is an option like others: %#',
    (url) => {
      expect(() => rabbitmqSink({ url, queue: 'a' })).toThrow(OptionError)
      expect(() => rabbitmqSink({ url, queue: 'a' })).toThrow('option "url" must be')
      expect(() => rabbitmqSink({ url, queue: 'a' })).not.toThrow('hush')
    },
  )

  test('the default exchange is a name like others', () => {
    expect(sink({ exchange: '', routingKey: () => 'orders' }).name).toBe('rabbitmq')
  })
})
