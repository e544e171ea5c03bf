import type { Field } from '../../schema.ts'
import { cellText } from './cell.ts'
import { shorten, textWidth } from './text-width.ts'

const leastWidth = 3
const dashes = '-'.repeat(43)

export interface Table {
  readonly batchId: number
  readonly rows: readonly object[]
  /** The batch has more rows than these. */
  readonly more: boolean
  /** Characters of a cell; 0 for all. */
  readonly truncate: number
  /** The columns. Without them, those of the rows. */
  readonly fields: readonly Field[] | undefined
}

/** What Spark's console sink prints for a batch, byte for byte: the banner, then `show()`, ended by an empty line or by `only showing top n rows`. */
export function tableText({ batchId, rows, more, truncate, fields }: Table): string {
  const columns = fields?.map(({ name }) => name) ?? columnsOf(rows)
  const lines = [
    columns.map((column) => cellText(column)),
    ...rows.map((row) =>
      columns.map((column, i) => shorten(cellText(columnOf(row, column), fields?.[i]?.type), truncate)),
    ),
  ]
  const widths = columns.map((_, i) => Math.max(leastWidth, ...lines.map((line) => textWidth(line[i] as string))))
  const border = `+${widths.map((width) => '-'.repeat(width)).join('+')}+`
  const pad = (cell: string, i: number) => {
    const space = ' '.repeat((widths[i] as number) - textWidth(cell))
    return truncate > 0 ? space + cell : cell + space
  }
  const [header, ...body] = lines.map((line) => `|${line.map(pad).join('|')}|`)
  const footer = more ? `only showing top ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}` : ''
  return `${[dashes, `Batch: ${batchId}`, dashes, border, header, border, ...body, border, footer].join('\n')}\n`
}

/** In the order in which rows first have them: a row may lack a column. */
function columnsOf(rows: readonly object[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))]
}

function columnOf(row: object, column: string): unknown {
  return (row as Readonly<Record<string, unknown>>)[column]
}
