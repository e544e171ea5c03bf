import type { DataType } from '../../schema.ts'

/**
 * A value of JSON as a row has it: numbers and texts become bigints, dates and bytes where the type says so, a struct keeps only its own fields.
 * What can't be converted stays as it is, for the check of the row to find.
 */
export function fromJson(type: DataType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'bigint':
      return toBigint(value)
    case 'timestamp':
    case 'date':
      return toDate(value)
    case 'binary':
      return typeof value === 'string' ? toBytes(value) : value
    case 'array':
      return Array.isArray(value) ? value.map((item) => fromJson(type.element, item)) : value
    case 'map':
      return isObject(value) ? mapped(value, (item) => fromJson(type.value, item)) : value
    case 'struct': {
      if (!isObject(value)) return value
      return Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          fromJson(field.type, Object.hasOwn(value, field.name) ? value[field.name] : null),
        ]),
      )
    }
    default:
      return value
  }
}

function toBigint(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : value
}

/** Only texts that name a day of the calendar: `Date` itself takes much more. */
function toDate(value: unknown): unknown {
  if (typeof value === 'number') return new Date(value)
  return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(?:$|T)/.test(value) ? new Date(value) : value
}

function toBytes(value: string): unknown {
  const bytes = Buffer.from(value, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === value.replace(/=+$/, '') ? new Uint8Array(bytes) : value
}

function mapped(value: Readonly<Record<string, unknown>>, change: (item: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item)]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
