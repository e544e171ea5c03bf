import { OptionError } from '../../../errors.ts'
import { acceptEncoding } from './decode.ts'
import { formText, requestUrl } from './request-url.ts'
import type { HttpRequest, OutgoingRequest, RequestBody } from './types.ts'

/** A request as it goes over the line, save for who asks. Header names in lower case. */
export interface Outgoing extends OutgoingRequest {
  readonly body: string | undefined
}

/** Headers that tell nobody's secret. */
const harmless = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'prefer',
  'user-agent',
])

/** What a request says, put on the line. @throws OptionError for what can't be sent. */
export function outgoingOf({ method = 'GET', url, params, headers = {}, body }: HttpRequest): Outgoing {
  const all: Record<string, string> = {
    accept: 'application/json, */*;q=0.5',
    'accept-encoding': acceptEncoding,
    'user-agent': 'sluice',
  }
  if (body !== undefined) all['content-type'] = contentType(body)
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value
  return { method: method.toUpperCase(), url: requestUrl(url, params), headers: all, body: bodyText(body) }
}

/** Shorter values of headers (a version, a mode) aren't taken for secrets: hiding them wherever they occur would hide what happened. */
const shortestSecret = 8

/** The values of a request's headers that may be secrets, in the forms in which an answer may quote them: also without `Bearer`, `Basic`, … */
export function secretsOf({ headers }: OutgoingRequest): readonly string[] {
  return Object.entries(headers)
    .filter(([name]) => !harmless.has(name))
    .flatMap(([, value]) => [value, value.replace(/^\S+ +/, '')])
    .filter((value) => value.length >= shortestSecret)
}

/** Without what may identify whoever asks: for another origin. */
export function anonymous(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.has(name)))
}

function contentType(body: RequestBody): string {
  if ('json' in body) return 'application/json'
  return 'form' in body ? 'application/x-www-form-urlencoded' : body.contentType
}

function bodyText(body: RequestBody | undefined): string | undefined {
  if (body === undefined) return undefined
  if ('text' in body) return body.text
  if ('form' in body) return formText(body.form)
  const text: string | undefined = JSON.stringify(body.json)
  if (text === undefined) throw new OptionError('a JSON body must be something that JSON can say, and it is undefined')
  return text
}
