import { setImmediate } from 'node:timers/promises'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { RabbitConnection } from '../../../src/connectors/rabbitmq/connection.ts'
import { connectionSettings } from '../../../src/connectors/rabbitmq/connection-options.ts'

const role = { name: 'mine', setup: () => Promise.resolve() }

function connectionToNowhere() {
  const scheduler = new VirtualTimeScheduler()
  return {
    scheduler,
    connection: new RabbitConnection(connectionSettings('t', { url: 'amqp://127.0.0.1:1' }), scheduler),
  }
}

describe('a channel of a connection that was closed', () => {
  it.each(['before', 'after'])('can’t be opened, when it was made %s that, and nobody waits for it', async (when) => {
    const { scheduler, connection } = connectionToNowhere()
    const early = connection.channel(role)
    await connection.close()
    const channel = when === 'before' ? early : connection.channel(role)
    const outcome = channel.open().catch((error: Error) => error.message)
    expect(await Promise.race([outcome, setImmediate('waits')])).toBe('mine: the connection was closed')
    expect(scheduler.actions).toEqual([])
  })
})
