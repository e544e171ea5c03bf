import type { PartitionWriter } from '../../sink.ts'
import type { RowBuffer } from './feed.ts'

/** What a partition leaves for the commit: how many rows it had. */
export interface PostgresReceipt {
  readonly rows: number
}

/** What a partition needs of its batch. */
export interface RowsOfBatch<Buffer extends RowBuffer> {
  /** Characters that all partitions hold. */
  held: number
  readonly buffer: () => Buffer
  /** @throws what the transaction was lost by. */
  readonly assertOpen: () => void
  /** Takes the buffer over and sends it, in its time. */
  readonly send: (buffer: Buffer) => Promise<void>
  /** The rows of a partition that failed were sent: nothing but the whole transaction can be taken back. */
  readonly takeBack: () => void
}

/**
 * Rows of one partition in one attempt. They stay here until the partition is finished, so that a failure costs no other partition anything; when all
 * partitions together hold too much, they are sent as they come.
 * @param maxBuffered characters that all partitions may hold.
 */
export function partitionRows<Buffer extends RowBuffer>(
  open: RowsOfBatch<Buffer>,
  maxBuffered: number,
  report: (figures: { readonly bytes: number }) => void,
): PartitionWriter<object, PostgresReceipt> {
  let buffer = open.buffer()
  let rows = 0
  let sent = false

  const send = async (): Promise<void> => {
    const sending = buffer
    buffer = open.buffer()
    sent = true
    open.held -= sending.size
    await open.send(sending)
  }
  return {
    write: async (chunk) => {
      open.assertOpen()
      if (chunk.length === 0) return
      const before = buffer.size
      buffer.add(chunk)
      const added = buffer.size - before
      open.held += added
      rows += chunk.length
      report({ bytes: added })
      if (sent || open.held > maxBuffered) await send()
    },
    finish: async () => {
      open.assertOpen()
      if (buffer.rows > 0) await send()
      return { rows }
    },
    discard: () => {
      open.held -= buffer.size
      buffer = open.buffer()
      if (sent) open.takeBack()
    },
  }
}
