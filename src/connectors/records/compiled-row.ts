import { madeOfText } from '../../schema/made-of-text.ts'
import type { Convert } from './item-values.ts'

/** A column: where its value stands in an item and in a row, and how it is made. */
export interface Column {
  readonly name: string
  readonly convert: Convert
}

type MakeRow = (item: Readonly<Record<string, unknown>>) => object

/**
 * One object literal for all rows, with what is the same in each of them written out: half the time of a loop over the columns. A name gets into the code as a JSON text only.
 * @param columns none of whose names every object has.
 * @returns `undefined` where the process may not make code from texts (`--disallow-code-generation-from-strings`).
 */
export function compiledRow(columns: readonly Column[]): MakeRow | undefined {
  const cells = columns.map(({ name }, at) => {
    const text = JSON.stringify(name)
    return `${text}: (value = item[${text}]) === null || value === undefined ? null : convert${at}(value)`
  })
  const code = `return (item) => { let value; return { ${cells.join(', ')} } }`
  return madeOfText(code, new Map(columns.map(({ convert }, at) => [`convert${at}`, convert])))
}
