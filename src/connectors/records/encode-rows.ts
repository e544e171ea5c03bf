import { RowError } from '../../errors.ts'
import { jsonText } from '../../json-text.ts'

/**
 * Rows as lines of JSON, each ended by `\n`, in the forms of {@link jsonText}.
 * @throws RowError naming the column, for what JSON can't hold.
 */
export function encodeRows(rows: readonly object[]): string {
  let text = ''
  try {
    for (const row of rows) text += `${jsonText(row)}\n`
  } catch (error) {
    throw error instanceof RowError ? new RowError(`jsonLines: ${error.message}`, { cause: error.cause }) : error
  }
  return text
}
