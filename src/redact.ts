const mask = '***'

/** Names whose values are nobody's business, in URLs, headers and JSON. */
const secretName =
  '(?:[\\w.-]*[_.-])?(?:password|passwd|pwd|passphrase|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|account[_-]?key|shared[_-]?access[_-]?key|private[_-]?key|token|access[_-]?token|refresh[_-]?token|id[_-]?token|auth|authorization|credential|credentials|cookie|set-cookie|sas|sig|signature|client[_-]?assertion|assertion|subscription-key|x-api-key)'

const rules: readonly (readonly [RegExp, string])[] = [
  // https://user:password@host, amqp://user:password@host
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]+@/gi, `$1${mask}@`],
  // ?token=…, &api_key=…, a form
  [new RegExp(`((?:^|[?&;\\s])${secretName}=)[^&;\\s"'<>#]+`, 'gi'), `$1${mask}`],
  // "password": "…", in JSON and in what inspect prints, with the quotes of either
  [new RegExp(`((["'\`]?)\\b${secretName}\\2\\s*:\\s*)(["'\`])(?:\\\\.|(?!\\3)[^\\\\])*\\3`, 'gi'), `$1$3${mask}$3`],
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
 * An error without what looks like a secret. The error itself where there is nothing to hide; else a copy of the same class with the same properties,
 * whose texts and causes are redacted: the error belongs to somebody else and stays as it was.
 */
export function redactError(error: unknown): unknown {
  return redactValue(error, 0)
}

const deepest = 5

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value)
  if (!(value instanceof Error)) return value
  if (depth > deepest) return redact(String(value.stack)) === String(value.stack) ? value : undefined // causes in a circle
  const changed = new Map<string, unknown>()
  for (const name of Object.getOwnPropertyNames(value)) {
    const before: unknown = Reflect.get(value, name)
    const after = Array.isArray(before) ? redactList(before, depth) : redactValue(before, depth + 1)
    if (after !== before) changed.set(name, after)
  }
  if (changed.size === 0) return value
  const copy = Object.create(Object.getPrototypeOf(value), Object.getOwnPropertyDescriptors(value))
  for (const [name, after] of changed) {
    Object.defineProperty(copy, name, {
      value: after,
      writable: true,
      configurable: true,
      enumerable: Object.prototype.propertyIsEnumerable.call(value, name),
    })
  }
  return copy
}

/** The errors of an AggregateError. */
function redactList(values: readonly unknown[], depth: number): readonly unknown[] {
  const after = values.map((value) => redactValue(value, depth + 1))
  return after.every((value, index) => value === values[index]) ? values : after
}
