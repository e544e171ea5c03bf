import type { DataType } from '../../schema/data-type.ts'

/** About how many bytes a value takes in a file, before compression. */
export type Weigh = (value: unknown) => number

const widths: Readonly<Record<string, number>> = { boolean: 1, tinyint: 1, smallint: 2, int: 4, float: 4, date: 4 }

/** Makes the scale for one type: a number where all values are alike. */
export function scaleOf(type: DataType): number | Weigh {
  switch (type.kind) {
    case 'string':
    case 'varchar':
    case 'char':
      return (value) => (typeof value === 'string' ? value.length + 4 : 1)
    case 'binary':
      return (value) => (value instanceof Uint8Array ? value.byteLength + 4 : 1)
    case 'array':
      return sum(scaleOf(type.element), (value) => (Array.isArray(value) ? value : []))
    case 'map': {
      const values = sum(scaleOf(type.value), (value) => Object.values(value))
      return (value) => values(value) + (isObject(value) ? Object.keys(value).join('').length : 0)
    }
    case 'struct': {
      const fields = type.fields.map(({ name, type: inner }) => [name, scaleOf(inner)] as const)
      return (value) =>
        isObject(value)
          ? fields.reduce((total, [name, scale]) => total + (typeof scale === 'number' ? scale : scale(value[name])), 1)
          : 1
    }
    case 'decimal':
      return type.precision <= 9 ? 4 : type.precision <= 18 ? 8 : 16
    default:
      return widths[type.kind] ?? 8
  }
}

function sum(scale: number | Weigh, items: (value: object) => readonly unknown[]): Weigh {
  return (value) => {
    if (!isObject(value)) return 1
    const all = items(value)
    if (typeof scale === 'number') return 1 + scale * all.length
    return all.reduce<number>((total, item) => total + scale(item), 1)
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
