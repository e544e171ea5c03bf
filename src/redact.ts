import { nodeUtil } from './builtins.ts'

const mask = '***'

/** What ends a name of something secret, after its words were put apart: `accessToken`, `DB_PASSWORD`, `x-api-key`. */
const secretNames =
  /(?:password|passwd|passphrase|secret|api[-_.]?key|access[-_.]?key|account[-_.]?key|private[-_.]?key|subscription[-_.]?key|token|credentials?|authorization|cookie|signature|assertion|(?:^|[-_.])(?:pwd|pass|auth|sas|sig))$/

/** A name with what stands between it and its value. Each begins where a word does, so that a text is gone through once. */
const named = /(?<![\w.-])([A-Za-z_][\w.-]*)(\\*["'`])?(\s{0,8}(?:=>|[:=])\s{0,8}|,\s{0,8}(?=\\*["'`]))/g

/** A value that stands without quotes, with the scheme of an `Authorization`. */
const bareValue = /((?:bearer|basic|digest|negotiate|token|apikey|splunk)\s{1,8})?[^\s&;,"'`()[\]{}<>#\\]+/iy

const rules: readonly (readonly [RegExp, string])[] = [
  // https://user:password@host, amqp://user:password@host; a password may hold a slash or another @
  [
    /(?<![\w.+-])([a-z][a-z0-9+.-]{0,30}:\/\/)(?:[^\s/?#@:"<>]{0,256}:(?!\d{1,5}[/?#])[^\s"<>]{1,256}|[^\s/?#"'<>]{1,512})@/gi,
    `$1${mask}@`,
  ],
  // Bearer …, Basic … in the midst of a sentence: of words only those with more than small letters
  [
    /(?<![\w-])((?:[Bb]earer|BEARER|[Bb]asic|BASIC)\s{1,8})(?=[a-z]{0,64}[0-9A-Z+/=_.~-])[A-Za-z0-9+/=._~-]{8,}/g,
    `$1${mask}`,
  ],
  // ?key=…, which is a secret in a query and a word elsewhere
  [/([?&]key=)[^&;\s"'<>#]+/gi, `$1${mask}`],
  // three parts of base64: a JSON web token
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, mask],
]

/**
 * A text without what looks like a secret: user and password of URLs; values with telling names in queries, forms, headers, lists of headers, JSON and prints
 * (`password`, `accessToken`, `x-api-key`); `Bearer …`, JSON web tokens. What looks like nothing (a key in the midst of a sentence) can't be told and stays.
 */
export function redact(text: string): string {
  return rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), withoutNamed(text))
}

/** Whether what stands under this name is nobody's business. */
export function isSecretName(name: string): boolean {
  return secretNames.test(name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase())
}

function withoutNamed(text: string): string {
  let result = ''
  let at = 0
  for (const match of text.matchAll(named)) {
    const [whole, name = '', quote = '', between = ''] = match
    const from = match.index + whole.length
    if (match.index < at || !isSecretName(name)) continue
    if (between.startsWith(',') && quote === '') continue // a list of words
    const value = valueAt(text, from)
    if (value === undefined) continue
    result += `${text.slice(at, value.from)}${mask}`
    at = value.to
  }
  return at === 0 ? text : result + text.slice(at)
}

/** Where a value begins and ends, without its quotes; a text that is cut short ends it, too. */
function valueAt(text: string, from: number): { readonly from: number; readonly to: number } | undefined {
  const quote = /\\*["'`]/y
  quote.lastIndex = from
  const opening = quote.exec(text)?.[0]
  if (opening === undefined) {
    bareValue.lastIndex = from
    const [bare, scheme = ''] = bareValue.exec(text) ?? []
    return bare === undefined ? undefined : { from: from + scheme.length, to: from + bare.length }
  }
  const start = from + opening.length
  for (let to = start; ; to++) {
    to = text.indexOf(opening, to)
    if (to < 0) return { from: start, to: text.length }
    if (opening.length > 1 || !isEscaped(text, to, start)) return { from: start, to }
  }
}

function isEscaped(text: string, at: number, from: number): boolean {
  let backslashes = 0
  while (at - backslashes > from && text[at - backslashes - 1] === '\\') backslashes++
  return backslashes % 2 === 1
}

/**
 * Something thrown without what looks like a secret. The thing itself where there is nothing to hide. Else, for an error, a copy of the same class
 * with the same properties, whose texts, causes and other values are redacted; for anything that is no error, its redacted print.
 * What was thrown belongs to somebody else and stays as it was.
 */
export function redactError(error: unknown): unknown {
  try {
    return redactValue(error, 0)
  } catch {
    return new Error('what was thrown can not be looked at') // a proxy, a getter that throws
  }
}

const deepest = 5

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return redactList(value, depth)
  if (typeof value !== 'object' || value === null) return value
  return value instanceof Error && depth <= deepest ? redactProperties(value, depth) : redactPrint(value)
}

/** A request, headers, an address: what is shown of it is its print. Also of a chain of causes without an end. */
function redactPrint(value: object): unknown {
  const print = printOf(value)
  const safe = redact(print)
  return safe === print ? value : safe
}

const inFull = { depth: 20, maxStringLength: Infinity, maxArrayLength: 10_000 }

function printOf(value: object): string {
  try {
    return nodeUtil().inspect(value, inFull)
  } catch {
    return nodeUtil().inspect(value, { ...inFull, customInspect: false }) // its own print fails
  }
}

/** The errors of an AggregateError. */
function redactList(values: readonly unknown[], depth: number): readonly unknown[] {
  const after = values.map((value) => redactValue(value, depth + 1))
  return after.every((value, index) => value === values[index]) ? values : after
}

function redactProperties(error: Error, depth: number): Error {
  const properties = propertiesOf(error)
  let secret = false
  for (const name of Reflect.ownKeys(properties)) {
    const property = properties[name] as PropertyDescriptor
    const named = typeof name === 'string' && isSecretName(name) && isPlain(property.value)
    const after = named ? mask : redactValue(property.value, depth + 1)
    if (after !== property.value) secret = true
    property.value = after
  }
  return secret ? Object.create(Object.getPrototypeOf(error), properties) : error
}

function isPlain(value: unknown): boolean {
  return value !== '' && ['string', 'number', 'bigint'].includes(typeof value)
}

/** As values, inherited getters too: they may need what a copy doesn't have (a private field, the stack of a real error, a DOMException). */
function propertiesOf(error: Error): Record<PropertyKey, PropertyDescriptor> {
  const properties: Record<PropertyKey, PropertyDescriptor> = {}
  for (let owner: object = error; owner !== Object.prototype && owner !== null; owner = Object.getPrototypeOf(owner)) {
    for (const name of Reflect.ownKeys(owner)) {
      const { get, enumerable = false } = Reflect.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor
      if (Object.hasOwn(properties, name) || (owner !== error && get === undefined)) continue
      properties[name] = { value: read(error, name), enumerable, writable: true, configurable: true }
    }
  }
  return properties
}

function read(error: Error, name: PropertyKey): unknown {
  try {
    return Reflect.get(error, name)
  } catch {
    return undefined // a getter that fails has nothing to show
  }
}
