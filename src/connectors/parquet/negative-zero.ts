import type { DataType } from '../../schema/data-type.ts'
import { ownValue } from './own-value.ts'

type Holds = (value: unknown) => boolean

/** Makes the search for a −0 in values of a type; `undefined` for one that has no floats. */
export function negativeZeroIn(type: DataType): Holds | undefined {
  switch (type.kind) {
    case 'float':
    case 'double':
      return (value) => Object.is(value, -0)
    case 'array':
      return over(negativeZeroIn(type.element), (holds, value) => (value as readonly unknown[]).some(holds))
    case 'map':
      return over(negativeZeroIn(type.value), (holds, value) => Object.values(value as object).some(holds))
    case 'struct': {
      const fields = type.fields.flatMap(({ name, type: inner }) => {
        const holds = negativeZeroIn(inner)
        return holds === undefined ? [] : [(value: object) => holds(ownValue(value as Record<string, unknown>, name))]
      })
      if (fields.length === 0) return undefined
      return (value) => isThere(value) && fields.some((holds) => holds(value))
    }
    default:
      return undefined
  }
}

function over(inner: Holds | undefined, each: (holds: Holds, value: object) => boolean): Holds | undefined {
  return inner && ((value) => isThere(value) && each(inner, value))
}

function isThere(value: unknown): value is object {
  return value !== null && value !== undefined
}
