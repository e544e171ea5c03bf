import { RowError } from '../../../errors.ts'
import { unfit } from './json-text.ts'

const placeholder = /\{(\w+)\}/g

/** Whether a URL is filled by the row. */
export function hasPlaceholders(url: string): boolean {
  return url.search(placeholder) >= 0
}

/** The URL with the row's columns in the place of `{column}`. @throws RowError for a value that names no place, or another one. */
export function addressOf(url: string, row: object): string {
  const columns: Readonly<Record<string, unknown>> = { ...row }
  return url.replace(placeholder, (_, name: string) => {
    const value = Object.hasOwn(columns, name) ? columns[name] : undefined
    const text = value instanceof Date && unfit(value) === undefined ? value.toISOString() : String(value)
    const fits = value instanceof Date || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
    if (!fits || unfit(value) !== undefined || ['', '.', '..'].includes(text))
      throw new RowError(`column ${JSON.stringify(name)} names no place in a URL`)
    return encodeURIComponent(text)
  })
}
