import { OptionError } from '../../errors.ts'
import type { QueueDeclaration } from './declaration.ts'

/** What the checks look at. Times in milliseconds. */
export interface CheckedQueue {
  readonly queues: readonly string[]
  readonly declare: QueueDeclaration | undefined
  readonly prefetch: number
  readonly maxBatch: number
  readonly consumerTimeoutMs: number
  /** How long a batch may take, where the user said so. */
  readonly batchTimeMs: number | undefined
  readonly poison: { readonly deadLetter: unknown } | undefined
}

/** Deliveries that a quorum queue has under way to one consumer at most. */
const quorumPrefetch = 2_000

/** From this version on a quorum queue has a delivery limit that nobody asked for: 20. */
const limitByDefault = 4

/**
 * The checks of a careful person before anything is consumed.
 * @param serverVersion of the broker, such as `4.1.0`; `undefined` before there is a connection: then what depends on it is left out.
 * @returns warnings. Of a queue that is not declared here only what is certain is said: its arguments can't be asked for.
 * @throws OptionError for what loses messages, or can't work.
 */
export function checkQueue(checked: CheckedQueue, serverVersion?: string): readonly string[] {
  const { declare, prefetch, maxBatch, consumerTimeoutMs, batchTimeMs, poison } = checked
  const names = checked.queues.join(', ')
  const quorum = declare?.type === 'quorum'
  const deadLetterExchange = declare?.deadLetterExchange ?? declare?.arguments?.['x-dead-letter-exchange']
  const limit = declare?.deliveryLimit ?? declare?.arguments?.['x-delivery-limit']
  const warnings: string[] = []

  if (maxBatch > prefetch)
    throw refusal(
      `maxBatch is ${maxBatch} and prefetch ${prefetch}: a batch is made of what was delivered and not acknowledged, so expected maxBatch ≤ prefetch`,
    )
  if (quorum && maxBatch > quorumPrefetch)
    throw refusal(`maxBatch is ${maxBatch}, and a quorum queue has ${quorumPrefetch} deliveries under way at most`)
  if (quorum && prefetch > quorumPrefetch)
    warnings.push(
      `${names}: prefetch is ${prefetch}, and a quorum queue has ${quorumPrefetch} deliveries under way at most`,
    )

  if (quorum && deadLetterExchange === undefined && limit !== -1) {
    const loss =
      'a batch that fails that often is deleted, all of what was delivered with it; name a dead-letter exchange (deadLetterExchange), or set deliveryLimit to -1'
    if (limit !== undefined)
      throw refusal(`${names} has a delivery limit (${limit}) and no dead-letter exchange: ${loss}`)
    if (Number.parseInt(serverVersion ?? '0', 10) >= limitByDefault)
      warnings.push(
        `${names}: RabbitMQ ${serverVersion} limits deliveries to 20 by default, and there is no dead-letter exchange: ${loss}`,
      )
  }
  if (poison?.deadLetter === 'broker' && declare !== undefined && deadLetterExchange === undefined)
    throw refusal(
      `poison.deadLetter is "broker", and ${names} has no dead-letter exchange: rejected messages would be deleted`,
    )
  if (poison !== undefined && prefetch < 2)
    throw refusal('poison needs a prefetch of 2 or more: a message is suspected only when another one gets through')

  if (batchTimeMs !== undefined) {
    const times = `a batch may take ${seconds(batchTimeMs)} (batchTime), and the broker's consumer timeout is ${seconds(consumerTimeoutMs)}`
    if (batchTimeMs >= consumerTimeoutMs) throw refusal(`${times}: it would deliver the messages again meanwhile`)
    if (batchTimeMs * 2 > consumerTimeoutMs) warnings.push(`${names}: ${times}; less than half of it is safe`)
  }
  return warnings
}

function refusal(text: string): OptionError {
  return new OptionError(`rabbitmqQueue: ${text}`)
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`
}
