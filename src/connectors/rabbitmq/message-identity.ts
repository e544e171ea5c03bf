import { createHash } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import { RowError } from '../../errors.ts'

/**
 * What makes a message the same when it is delivered again: its message id, else its way and a digest of its body.
 * Equal messages without ids count as one, which is right for what it is used for: what one of them makes fail, the other does, too.
 */
export function identityOf(queue: string, { content, fields, properties }: ConsumeMessage): string {
  const { messageId } = properties
  if (typeof messageId === 'string' && messageId !== '') return `${queue}\u0000id\u0000${messageId}`
  const digest = createHash('sha256').update(content).digest('base64')
  return `${queue}\u0000${fields.exchange}\u0000${fields.routingKey}\u0000${digest}`
}

/**
 * For `journaled`: a row's queue and message id. What fills one queue may number its messages as another does, and a message that is taken for a repeat is acknowledged.
 * @throws RowError for a message without one: its publisher must set it, or it would be taken for a repeat of any other.
 */
export function messageIdentity({
  messageId,
  queue,
}: {
  readonly messageId: string | null
  readonly queue: string
}): string {
  if (messageId === null || messageId === '')
    throw new RowError(
      `${queue}: a message has no message id, by which a repeat is known; expected one from its publisher`,
    )
  return `${queue}\u0000${messageId}`
}
