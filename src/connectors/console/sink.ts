import type { Batch } from '../../batch.ts'
import type { Field } from '../../schema.ts'
import type { StreamWriter } from '../../sink.ts'
import { type ConsoleOptions, type ConsoleSettings, consoleSettings } from './options.ts'
import { tableText } from './table.ts'

/** The rows of a partition that may be shown, and how many there were. */
export interface ConsoleMessage {
  readonly rows: readonly object[]
  readonly count: number
}

/**
 * Prints each batch as a table, as Spark's console sink does: the columns of the schema, or without one those that the shown rows have. Rows stand in the order of the partitions.
 *
 * A batch is printed when it commits, never while it is read, so a failed attempt leaves no trace. **append**: a batch that is
 * replayed after a crash is printed again. Of each partition only the first `numRows` rows are kept in memory.
 * @example
 * console({ numRows: 2 })
 * // -------------------------------------------
 * // Batch: 0
 * // -------------------------------------------
 * // +---+-----+
 * // | id| name|
 * // +---+-----+
 * // |  1|  Ada|
 * // |  2|Grace|
 * // +---+-----+
 * // only showing top 2 rows
 * @throws OptionError
 */
export function console(options: ConsoleOptions = {}): {
  readonly name: 'console'
  readonly streamWriter: () => StreamWriter<object, ConsoleMessage>
} {
  const settings = consoleSettings(options)
  return { name: 'console', streamWriter: () => consoleWriter(settings) }
}

function consoleWriter(settings: ConsoleSettings): StreamWriter<object, ConsoleMessage> {
  let fields: readonly Field[] | undefined
  return {
    guarantee: 'append',
    start: ({ schema }) => {
      fields = schema?.fields
    },
    open: () => {
      const rows: object[] = []
      let count = 0
      return {
        write: (chunk) => {
          count += chunk.length
          for (const row of chunk.slice(0, settings.numRows - rows.length)) rows.push(row)
        },
        finish: () => ({ rows, count }),
      }
    },
    commit: (messages, batch) => settings.write(batchText(settings, messages, batch, fields)),
  }
}

function batchText(
  { numRows, truncate, format }: ConsoleSettings,
  messages: readonly ConsoleMessage[],
  { batchId }: Batch,
  fields: readonly Field[] | undefined,
): string {
  const rows = messages.flatMap((message) => message.rows).slice(0, numRows)
  const count = messages.reduce((sum, message) => sum + message.count, 0)
  if (format === 'table') return tableText({ batchId, rows, more: count > rows.length, truncate, fields })
  return `${JSON.stringify({ batchId, numRows: count, rows }, jsonValue)}\n`
}

/** What JSON has no form for, as text: this is for looking at, where an error would hide the rest of the batch. */
function jsonValue(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const original = this[key]
  if (original instanceof Uint8Array) return Buffer.from(original).toString('base64')
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value)
  return value instanceof Map ? Object.fromEntries(value) : value
}
