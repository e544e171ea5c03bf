import type { LeafType } from '../../schema/leaf-check.ts'
import type { ParquetColumnSummary } from './port.ts'
import type { Leaf } from './summary.ts'

/** What `copy … (return_stats)` says of one file: texts, by quoted path and then by name. */
export interface CopyResult {
  readonly count: string
  readonly file_size_bytes: string
  readonly column_statistics: readonly Entry<readonly Entry<string>[]>[]
}

interface Entry<Value> {
  readonly key: string
  readonly value: Value
}

/**
 * @param unsure which of the leaves have bounds that can't be relied on.
 * @throws never: a bound that isn't understood is left out, which readers take for unknown.
 */
export function boundsOf(
  leaves: readonly Leaf[],
  { column_statistics, count }: CopyResult,
  unsure: ReadonlySet<number>,
): ParquetColumnSummary[] {
  const byPath = new Map(
    column_statistics.map(({ key, value }) => [key, new Map(value.map((one) => [one.key, one.value]))]),
  )
  return leaves.map(({ path, type }, index) => {
    const column = byPath.get(path.map((name) => `"${name.replaceAll('"', '""')}"`).join('.'))
    const nullCount = Number(column?.get('null_count') ?? 0)
    const bounds = ['min', 'max'].map((name) => parseBound(type, column?.get(name)))
    const [min, max] = bounds
    const known = min !== undefined && max !== undefined && column?.get('has_nan') !== 'true' && !unsure.has(index)
    return known && Number(count) !== nullCount ? { path, nullCount, min, max } : { path, nullCount }
  })
}

function parseBound(type: LeafType, text: string | undefined): unknown {
  if (text === undefined) return undefined
  switch (type.kind) {
    case 'boolean':
      return text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : undefined
    case 'tinyint':
    case 'smallint':
    case 'int':
      return /^-?\d+$/.test(text) ? Number(text) : undefined
    case 'bigint':
      return /^-?\d+$/.test(text) ? BigInt(text) : undefined
    case 'float': // printed as short as a float can be told, which is another number as a double
      return Number.isFinite(Number(text)) ? Math.fround(Number(text)) : undefined
    case 'double':
      return Number.isFinite(Number(text)) ? Number(text) : undefined
    case 'decimal':
      return /^-?\d*(\.\d+)?$/.test(text) ? text.replace(/^(-?)\./, '$10.') : undefined
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined
    case 'timestamp': {
      const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$/.exec(text) ?? []
      return day === undefined ? undefined : new Date(`${day}T${time}Z`)
    }
    case 'string':
    case 'varchar':
    case 'char':
      return text
    default:
      return undefined
  }
}
