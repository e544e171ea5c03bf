import { nodeUtil } from './builtins.ts'

/** A row that was refused, as a dead-letter sink gets it. */
export interface DeadLetter {
  readonly queryId: string
  readonly batchId: number
  readonly partitionId: number
  /** Why, naming the column; never its value. */
  readonly reason: string
  /** The row as JSON text; bigints as strings, bytes as base64, maps and sets as lists. */
  readonly row: string
}

/** The row as JSON text, whatever it holds: a refused row must not fail twice. */
export function rowText(row: unknown): string {
  try {
    return JSON.stringify(row, plain) ?? 'null'
  } catch {
    return JSON.stringify(nodeUtil().inspect(row)) // circular
  }
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map || value instanceof Set) return [...value]
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
