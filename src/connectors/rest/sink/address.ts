import { RowError } from '../../../errors.ts'
import { unfit } from '../../../json-text.ts'

const placeholder = /\{(\w+)\}/g

/** Whether a URL is filled by the row. */
export function hasPlaceholders(url: string): boolean {
  return url.search(placeholder) >= 0
}

/** The URL with the row's columns in the place of `{column}`. @throws RowError for a value that names no place, or another one. */
export function addressOf(url: string, row: object): string {
  if (!hasPlaceholders(url)) return url
  const filled = filledBy(url, row)
  if (URL.canParse(filled)) return filled
  throw new RowError('its columns make no URL') // a host that is none
}

function filledBy(url: string, row: object): string {
  const columns: Readonly<Record<string, unknown>> = { ...row }
  return url.replace(placeholder, (_, name: string) => {
    const value = Object.hasOwn(columns, name) ? columns[name] : undefined
    const text = value instanceof Date && unfit(value) === undefined ? value.toISOString() : String(value)
    const fits = value instanceof Date || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
    // Half of a pair of characters has no bytes in UTF-8.
    if (!fits || unfit(value) !== undefined || ['', '.', '..'].includes(text) || !text.isWellFormed())
      throw new RowError(`column ${JSON.stringify(name)} names no place in a URL`)
    return encodeURIComponent(text)
  })
}
