/** A row that was refused, as a dead-letter sink gets it. */
export interface DeadLetter {
  readonly queryId: string
  readonly batchId: number
  readonly partitionId: number
  /** Why, naming the column; never its value. */
  readonly reason: string
  /** The row as JSON text; bigints as strings, bytes as base64. */
  readonly row: string
}

/** The row as JSON text, whatever it holds: a refused row must not fail twice. */
export function rowText(row: unknown): string {
  try {
    return JSON.stringify(row, plain) ?? 'null'
  } catch {
    return JSON.stringify(String(row)) // circular: the text is all that can be kept
  }
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
