import { inspect } from 'node:util'

const mask = '***'

/** Names whose values are nobody's business, in URLs, headers and JSON. */
const secretName =
  '(?:[\\w.-]*[_.-])?(?:password|passwd|pwd|passphrase|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|account[_-]?key|shared[_-]?access[_-]?key|private[_-]?key|token|access[_-]?token|refresh[_-]?token|id[_-]?token|auth|authorization|credential|credentials|cookie|set-cookie|sas|sig|signature|client[_-]?assertion|assertion|subscription-key|x-api-key)'

const rules: readonly (readonly [RegExp, string])[] = [
  // https://user:password@host, amqp://user:password@host
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]+@/gi, `$1${mask}@`],
  // ?token=…, &api_key=…, a form
  [new RegExp(`((?:^|[?&;\\s])${secretName}=)[^&;\\s"'<>#]+`, 'gi'), `$1${mask}`],
  // "password": "…", in JSON and in what inspect prints (of maps as well), with the quotes of either
  [
    new RegExp(`((["'\`]?)\\b${secretName}\\2\\s*(?::|=>)\\s*)(["'\`])(?:\\\\.|(?!\\3)[^\\\\])*\\3`, 'gi'),
    `$1$3${mask}$3`,
  ],
  // Authorization: Bearer …; Basic …
  [
    /\b((?:bearer|basic|splunk|token|apikey|sharedkey|sharedaccesssignature|digest|negotiate)\s+)[A-Za-z0-9+/=._~:-]{8,}/gi,
    `$1${mask}`,
  ],
  // x-api-key: …, as a line of headers
  [new RegExp(`\\b(${secretName}:[ \\t]*)(?!(?:bearer|basic)\\s)[^\\s,"'\`{\\[]+`, 'gi'), `$1${mask}`],
  // three parts of base64: a JSON web token
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, mask],
]

/**
 * A text without what looks like a secret: user and password of URLs, query parameters, form fields, headers and JSON properties with telling names,
 * `Bearer …`, JSON web tokens. What looks like nothing (a key in the midst of a sentence) can't be told and stays.
 */
export function redact(text: string): string {
  return rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text)
}

/**
 * Something thrown without what looks like a secret. The thing itself where there is nothing to hide. Else, for an error, a copy of the same class
 * with the same properties, whose texts, causes and other values are redacted; for anything that is no error, its redacted print.
 * What was thrown belongs to somebody else and stays as it was.
 */
export function redactError(error: unknown): unknown {
  return redactValue(error, 0)
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

function printOf(value: object): string {
  try {
    return inspect(value, { depth: deepest })
  } catch {
    return inspect(value, { depth: deepest, customInspect: false }) // its own print fails
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
    const after = redactValue(property.value, depth + 1)
    if (after !== property.value) secret = true
    property.value = after
  }
  return secret ? Object.create(Object.getPrototypeOf(error), properties) : error
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
