import { describe, expect, it } from 'vitest'
import { rabbitError } from '../../../src/connectors/rabbitmq/rabbit-error.ts'
import { RabbitError, RabbitRefusedError } from '../../../src/errors.ts'

const reply = (code: number, text: string) => Object.assign(new Error(text), { code })

describe('an error of the client', () => {
  it.each([
    [reply(403, 'Operation failed: 403 (ACCESS-REFUSED)'), RabbitRefusedError],
    [reply(404, "404 (NOT-FOUND) no queue 'q'"), RabbitRefusedError],
    [reply(406, '406 (PRECONDITION-FAILED) inequivalent arg'), RabbitRefusedError],
    [reply(530, '530 (NOT-ALLOWED)'), RabbitRefusedError],
    [new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"'), RabbitRefusedError],
    [new Error('SASL mechanism EXTERNAL is not provided by the server'), RabbitRefusedError],
    [reply(404, "404 (NOT-FOUND) home node 'a@b' of durable queue 'q' is down or inaccessible"), RabbitError],
    [reply(320, '320 (CONNECTION-FORCED)'), RabbitError],
    [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), RabbitError],
    ['a text', RabbitError],
  ])('%s becomes one that says whether to try again', (thrown, expected) => {
    const error = rabbitError('consumer of q', thrown)
    expect(error).toBeInstanceOf(expected)
    expect(error.message).toMatch(/^consumer of q: /)
  })

  it('shows no password, also in its cause', () => {
    const error = rabbitError('x', new Error('cannot reach amqp://user:secret@host/v'))
    expect(`${error.message} ${String(error.cause)}`).not.toContain('secret')
  })

  it('that is one of ours stays as it is', () => {
    const ours = new RabbitError('mine')
    expect(rabbitError('x', ours)).toBe(ours)
  })
})
