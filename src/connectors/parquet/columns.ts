import type { Field } from '../../schema/data-type.ts'
import { isInherited, ownValue } from './own-value.ts'
import { converterOf } from './to-parquet.ts'
import { scaleOf } from './weigh.ts'

/** Rows on their way to a row group, by column. */
export interface Columns {
  readonly rows: number
  /** About how many bytes they will take, before compression. */
  readonly weight: number
  readonly add: (rows: readonly object[], from: number, to: number) => void
  /** The values of each field, in the fields' order; and begins anew. */
  readonly take: () => unknown[][]
}

type Collect = (rows: readonly Readonly<Record<string, unknown>>[], from: number, to: number, into: unknown[]) => number

/** Keeps the values of rows by column, as the JavaScript writer takes them. */
export function collectColumns(fields: readonly Field[]): Columns {
  const collectors = fields.map(collector)
  let data: unknown[][] = fields.map(() => [])
  let rows = 0
  let weight = 0
  return {
    get rows() {
      return rows
    },
    get weight() {
      return weight
    },
    add: (chunk, from, to) => {
      const records = chunk as readonly Readonly<Record<string, unknown>>[]
      for (const [index, collect] of collectors.entries())
        weight += collect(records, from, to, data[index] as unknown[])
      rows += to - from
    },
    take: () => {
      const taken = data
      data = fields.map(() => [])
      rows = 0
      weight = 0
      return taken
    },
  }
}

/** One loop for each column and chunk. */
function collector({ name, type }: Field): Collect {
  const convert = converterOf(type)
  const scale = scaleOf(type)
  const inherited = isInherited(name)
  return (rows, from, to, into) => {
    let weight = typeof scale === 'number' ? scale * (to - from) : 0
    for (let index = from; index < to; index++) {
      const row = rows[index] as Readonly<Record<string, unknown>>
      const value = inherited ? ownValue(row, name) : row[name]
      if (value === null || value === undefined) into.push(null)
      else {
        into.push(convert === undefined ? value : convert(value))
        if (typeof scale === 'function') weight += scale(value)
      }
    }
    return weight
  }
}
