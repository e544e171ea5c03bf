/** Encoded rows of one partition on their way: nothing of them is at the server. */
export interface RowBuffer {
  readonly rows: number
  /** In characters, for the bound of what is held. */
  readonly size: number
  readonly add: (rows: readonly object[]) => void
}

/** The way of rows into the table within one transaction. Buffers of several partitions may be sent side by side. */
export interface Feed<Buffer extends RowBuffer> {
  /** Takes the buffer over. Settles when there is room for more. Fails with the server's error, also with that of rows that were sent before. */
  readonly send: (buffer: Buffer) => Promise<void>
  /** All rows were sent: settles when the server has taken them. */
  readonly end: () => Promise<void>
  /** Ends what is under way, so that the transaction can be rolled back. */
  readonly abandon: () => Promise<void>
}
