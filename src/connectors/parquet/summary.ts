import type { Field } from '../../schema/data-type.ts'
import type { LeafType } from '../../schema/leaf-check.ts'
import type { ParquetColumnSummary } from './port.ts'

/** A column that has bounds: not in an array or a map. */
export interface Leaf {
  readonly path: readonly string[]
  readonly type: LeafType
}

/** The leaves of structs and the plain columns, in the fields' order. */
export function leavesOf(fields: readonly Field[], above: readonly string[] = []): Leaf[] {
  return fields.flatMap(({ name, type }) => {
    const path = [...above, name]
    if (type.kind === 'struct') return leavesOf(type.fields, path)
    return type.kind === 'array' || type.kind === 'map' ? [] : [{ path, type }]
  })
}

/** The bounds of a part of a column, such as a row group. */
export interface Bounds {
  readonly nullCount: number
  /** Values that no bound covers: where there are any, readers that count them as largest and those that leave them out differ. */
  readonly nanCount: number
  readonly min?: unknown
  readonly max?: unknown
}

/** The bounds of all parts of one column together. A part of nothing but nulls has none, and takes nothing from the others. */
export function joinBounds(
  path: readonly string[],
  parts: readonly (Bounds & { readonly rows: number })[],
): ParquetColumnSummary {
  let nullCount = 0
  let min: unknown
  let max: unknown
  let known = true
  for (const part of parts) {
    nullCount += part.nullCount
    if (part.nanCount > 0) known = false
    if (part.min === undefined || part.max === undefined) {
      if (part.nullCount < part.rows) known = false
      continue
    }
    if (min === undefined || isBefore(part.min, min)) min = part.min
    if (max === undefined || isBefore(max, part.max)) max = part.max
  }
  return known && min !== undefined ? { path, nullCount, min, max } : { path, nullCount }
}

/** Strings in the order of their UTF-8 bytes, which is Parquet's and Delta's, and not JavaScript's. */
function isBefore(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
  return (a as number) < (b as number)
}
