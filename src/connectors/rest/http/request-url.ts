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
  result.hash = ''
  const added = pairs(params)
  if (added.length === 0) return result
  const names = new Set(added.map(([name]) => name))
  const kept = result.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !names.has(nameOf(part)))
  result.search = [...kept, ...added.map((pair) => pair.map(encodeURIComponent).join('='))].join('&')
  return result
}

/** A form as `application/x-www-form-urlencoded` writes it. */
export function formText(form: Readonly<Record<string, ParamValue>>): string {
  return new URLSearchParams(pairs(form)).toString()
}

function pairs(values: Readonly<Record<string, ParamValue>>): [name: string, value: string][] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, String(each)]),
  )
}

/** Of one part of a query as it is written. */
function nameOf(part: string): string {
  const [[name = ''] = []] = new URLSearchParams(part)
  return name
}
