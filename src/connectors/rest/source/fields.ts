import { OptionError, PortError } from '../../../errors.ts'
import type { HttpRequest, ParamValue } from '../http/types.ts'

/** What a partition is about, where it is about one thing: the fields of a list's item, or of a parent. JSON, because a plan keeps it. */
export type Fields = { readonly [name: string]: string | number | boolean }

const placeholder = /\{(\w+)\}/g

/** The names in braces of a URL. */
export function placeholdersOf(url: string): readonly string[] {
  return [...new Set(Array.from(url.matchAll(placeholder), ([, name = '']) => name))]
}

/**
 * A request with the fields in the place of `{name}`: in the URL (encoded), in texts of parameters and in texts of a JSON body or a form. In the URL every name has to be a field;
 * elsewhere other braces stay.
 * @throws OptionError for a name that is no field.
 * @throws PortError for a value that would lead to another place of the URL: empty, `.` or `..`.
 */
export function filled(request: HttpRequest, fields: Fields): HttpRequest {
  const { url, params, body } = request
  return {
    ...request,
    url: url.replace(placeholder, (_, name: string) => inUrl(name, fields)),
    ...(params === undefined ? {} : { params: filledParams(params, fields) }),
    ...(body === undefined || 'text' in body
      ? {}
      : { body: 'json' in body ? { json: filledJson(body.json, fields) } : { form: filledParams(body.form, fields) } }),
  }
}

function inUrl(name: string, fields: Fields): string {
  const value = fieldOf(fields, name)
  if (value === undefined) {
    const known = Object.keys(fields)
    throw new OptionError(
      `rest: option "url" has {${name}}, and ${known.length === 0 ? 'nothing fills it; byItems and byParent do' : `there are only ${known.join(', ')}`}`,
    )
  }
  const text = String(value)
  if (text === '' || text === '.' || text === '..')
    throw new PortError(`rest: ${JSON.stringify(text)} can't stand for {${name}} in a URL: it would lead elsewhere`)
  return encodeURIComponent(text)
}

function filledText(text: string, fields: Fields): string {
  return text.replace(placeholder, (whole, name: string) => String(fieldOf(fields, name) ?? whole))
}

function filledParams(params: Readonly<Record<string, ParamValue>>, fields: Fields): Record<string, ParamValue> {
  const filledOne = <T>(value: T): T | string => (typeof value === 'string' ? filledText(value, fields) : value)
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(filledOne) : filledOne(value),
    ]),
  )
}

function filledJson(value: unknown, fields: Fields): unknown {
  if (typeof value === 'string') return filledText(value, fields)
  if (Array.isArray(value)) return value.map((item) => filledJson(item, fields))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filledJson(inner, fields)]))
}

function fieldOf(fields: Fields, name: string): string | number | boolean | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}
