import { OptionError } from '../../../errors.ts'
import type { ParamValue } from './types.ts'

/**
 * The URL of a request: `params` are added to its query and win over what has their names; the rest of the query stays as it is written. User and
 * password aren't taken: they are credentials, and would show wherever the URL does.
 * @throws OptionError for a URL that isn't absolute, not http(s), or carries credentials.
 */
export function requestUrl(url: string, params: Readonly<Record<string, ParamValue>> = {}): URL {
  const result = URL.parse(url)
  if (result === null || (result.protocol !== 'http:' && result.protocol !== 'https:'))
    throw new OptionError('a request needs an absolute URL with http or https')
  if (result.username !== '' || result.password !== '')
    throw new OptionError('a URL with user and password shows them wherever it does; use auth: basic(…)')
  if (url.includes('#')) result.hash = ''
  const added = pairs(params)
  if (added.length === 0) return result
  const parts = result.search === '' ? [] : partsWithout(new Set(added.map(([name]) => name)), result.search)
  for (const [name, value] of added) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  result.search = parts.join('&')
  return result
}

/** The parts of a query as they are written, but those of the names. */
function partsWithout(names: ReadonlySet<string>, search: string): string[] {
  return search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !names.has(nameOf(part)))
}

/** A form as `application/x-www-form-urlencoded` writes it. */
export function formText(form: Readonly<Record<string, ParamValue>>): string {
  return new URLSearchParams(pairs(form)).toString()
}

function pairs(values: Readonly<Record<string, ParamValue>>): [name: string, value: string][] {
  const found: [string, string][] = []
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value)) for (const each of value as readonly unknown[]) found.push([name, String(each)])
    else if (value !== undefined) found.push([name, String(value)])
  }
  return found
}

/** Of one part of a query as it is written. */
function nameOf(part: string): string {
  const [[name = ''] = []] = new URLSearchParams(part)
  return name
}
