import type { DataType, Field } from '../../schema/data-type.ts'
import type { TableColumn } from './table.ts'

/**
 * What the server would do to values of a column without a word: an error of its own it raises only where nothing of a value fits.
 * @param columns the table's for the fields, in their order.
 */
export function losses(fields: readonly Field[], columns: readonly Pick<TableColumn, 'stored'>[]): readonly string[] {
  return fields.flatMap(({ name, type }, index) => {
    const { stored = '' } = columns[index] ?? {}
    const loss = lossOf(type, stored)
    return loss === undefined ? [] : [`${JSON.stringify(name)} (${type.kind} into ${stored}) ${loss}`]
  })
}

function lossOf(type: DataType, stored: string): string | undefined {
  switch (type.kind) {
    case 'timestamp':
      if (stored === 'date') return 'loses its time of day'
      return Number(/^timestamp\((\d)\)/.exec(stored)?.[1] ?? 6) < 3 ? 'is rounded' : undefined
    case 'decimal':
      return isFloat(stored) || scaleOf(stored) < type.scale ? 'is rounded' : undefined
    case 'double':
      return stored === 'real' || scaleOf(stored) < Infinity ? 'is rounded' : undefined
    case 'float':
      return scaleOf(stored) < Infinity ? 'is rounded' : undefined
    case 'bigint':
      return isFloat(stored) ? 'is rounded from 2^53 on, if not before' : undefined
    case 'int':
      return stored === 'real' ? 'is rounded from 2^24 on' : undefined
    default:
      return undefined
  }
}

function isFloat(stored: string): boolean {
  return stored === 'real' || stored === 'double precision'
}

/** Infinity for a numeric that keeps all digits, and for what is none. */
function scaleOf(stored: string): number {
  const [, scale] = /^numeric\(\d+,(-?\d+)\)$/.exec(stored) ?? []
  return scale === undefined ? Infinity : Number(scale)
}
