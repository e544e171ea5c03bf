import type { ConsumeMessage } from 'amqplib'
import { identityOf } from './message-identity.ts'

/** A message that was delivered. */
export interface Held<Row> {
  readonly queue: string
  readonly message: ConsumeMessage
  readonly row: Row | undefined
  /** Why there is no row. */
  readonly problem: unknown
}

/** Reads it once, when it comes. One that can't be read is held as well: whoever wants its row is told why there is none. */
export function hold<Row>(
  queue: string,
  message: ConsumeMessage,
  toRow: (queue: string, message: ConsumeMessage) => Row,
): Held<Row> {
  try {
    return { queue, message, row: toRow(queue, message), problem: undefined }
  } catch (problem) {
    return { queue, message, row: undefined, problem }
  }
}

/** @throws the problem of a message that can't be read */
export function rowOf<Row>({ row, problem }: Held<Row>): Row {
  if (row === undefined) throw problem
  return row
}

/** What makes it the same when it is delivered again. */
export function identify({ queue, message }: Pick<Held<object>, 'queue' | 'message'>): string {
  return identityOf(queue, message)
}

/** The first ones of them whose bodies have so many bytes together; at least one. */
export function within<Row, Item extends { readonly message: Held<Row> }>(
  chosen: readonly Item[],
  maxBytes: number,
): readonly Item[] {
  if (maxBytes === Infinity) return chosen
  let bytes = 0
  const end = chosen.findIndex(({ message: { message } }, index) => {
    bytes += message.content.length
    return index > 0 && bytes > maxBytes
  })
  return end < 0 ? chosen : chosen.slice(0, end)
}
