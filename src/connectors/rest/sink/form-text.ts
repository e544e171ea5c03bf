import { RowError } from '../../../errors.ts'
import { base64, unfit } from '../../../json-text.ts'
import { formText } from '../http/request-url.ts'

/**
 * An object as the fields of a form. Dates are ISO 8601 in UTC, bytes base64, bigints digits; a list repeats the name; null and `undefined` are left out.
 * @throws RowError naming the field, never its value, for what a form can't hold.
 */
export function formOf(item: object): string {
  const fields: Record<string, string | readonly string[]> = {}
  for (const [name, value] of Object.entries(item)) {
    if (value === null || value === undefined) continue
    fields[name] = Array.isArray(value) ? value.map((each) => fieldText(name, each)) : fieldText(name, value)
  }
  return formText(fields)
}

function fieldText(name: string, value: unknown): string {
  if (value instanceof Uint8Array) return base64(value)
  const what = unfit(value) ?? (value instanceof Date || !isObject(value) ? undefined : 'an object')
  if (what !== undefined) throw new RowError(`${JSON.stringify(name)} holds ${what}, which a form can't hold`)
  return value instanceof Date ? value.toISOString() : String(value)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' || value === undefined
}
