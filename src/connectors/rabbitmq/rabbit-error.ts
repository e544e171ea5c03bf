import { describeError, RabbitError, RabbitRefusedError, type SluiceError } from '../../errors.ts'
import { redact, redactError } from '../../redact.ts'

/** Replies that would be the same again: no permission, not found, arguments that differ, not allowed. */
const finalReplies = new Set([403, 404, 406, 530])

/** … unless the text says that a queue is there, on a node that is not. */
const away = /inaccessible|stopped by supervisor/

/**
 * Whatever the client threw, as one of our errors: {@link RabbitRefusedError} for a broker that will not, else {@link RabbitError}.
 * @param what was tried: the message begins with it.
 */
export function rabbitError(what: string, error: unknown): SluiceError {
  if (error instanceof RabbitError || error instanceof RabbitRefusedError) return error
  const text = redact(`${what}: ${describeError(error)}`)
  const cause = redactError(error)
  const code = replyCode(error)
  const final = code !== undefined && finalReplies.has(code) && !away.test(text)
  return final || isNoMechanism(error) ? new RabbitRefusedError(text, { cause }) : new RabbitError(text, { cause })
}

/** The reply code of AMQP that an error carries. During the handshake the client has it in the text only. */
export function replyCode(error: unknown): number | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number')
    return error.code
  const found = /^Handshake terminated by server: (\d{3}) /.exec(describeError(error))
  return found === null ? undefined : Number(found[1])
}

function isNoMechanism(error: unknown): boolean {
  return /^SASL mechanism \S+ is not provided/.test(describeError(error))
}
