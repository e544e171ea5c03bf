import { OptionError } from './errors.ts'
import { redact } from './redact.ts'

/** What one option may be. `expected` completes the sentence "… must be". */
export interface OptionRule {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  readonly required?: boolean
  /** Its value is never shown in an error. */
  readonly secret?: boolean
}

/**
 * Checks an options object once, at the call that takes it.
 * @param owner who takes the options, e.g. `fileCheckpoint`; the errors begin with it.
 * @throws OptionError naming the option, the bad value and what is allowed; for an unknown option, the nearest known name.
 */
export function validateOptions(owner: string, options: object, rules: Readonly<Record<string, OptionRule>>): void {
  if (!isObject(options)) throw new OptionError(`${owner}: options must be an object, and this is ${kindOf(options)}`)
  const given: Readonly<Record<string, unknown>> = { ...options }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(rules, name)) continue
    const near = nearest(name, Object.keys(rules))
    throw new OptionError(
      `${owner}: unknown option ${JSON.stringify(name)}${near === undefined ? '.' : `; did you mean ${JSON.stringify(near)}?`} Known options: ${Object.keys(rules).join(', ')}`,
    )
  }
  for (const [name, rule] of Object.entries(rules)) {
    const value = given[name]
    if (value === undefined) {
      if (rule.required === true)
        throw new OptionError(`${owner}: option ${JSON.stringify(name)} is missing; it must be ${rule.expected}`)
    } else if (!rule.accepts(value)) {
      throw new OptionError(
        `${owner}: option ${JSON.stringify(name)} must be ${rule.expected}${rule.secret === true ? '' : `, and it is ${show(value)}`}`,
      )
    }
  }
}

/** Rules that many options share. */
export const rules = {
  positiveInteger: {
    expected: 'a positive integer',
    accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  },
  /** Also `Infinity`. */
  limit: {
    expected: 'a positive integer or Infinity',
    accepts: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) > 0),
  },
  nonNegativeInteger: {
    expected: 'an integer from 0',
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  },
  nonNegativeNumber: {
    expected: 'a finite number from 0',
    accepts: (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
  },
  string: { expected: 'a string that is not empty', accepts: (value) => typeof value === 'string' && value !== '' },
  boolean: { expected: 'true or false', accepts: (value) => typeof value === 'boolean' },
  function: { expected: 'a function', accepts: (value) => typeof value === 'function' },
  object: {
    expected: 'an object',
    accepts: isObject,
  },
} as const satisfies Record<string, OptionRule>

/** The options without those that are `undefined`, so that they can't hide a default. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

export function oneOf(...values: readonly string[]): OptionRule {
  return {
    expected: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  }
}

export function required(rule: OptionRule): OptionRule {
  return { ...rule, required: true }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Never the value: where options are expected, a mere text is often the secret among them. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : `a ${value.constructor?.name ?? 'object'}`
  const text = typeof value === 'string' ? JSON.stringify(redact(value)) : String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min((previous[j] as number) + 1, (current[j - 1] as number) + 1, swap))
    }
    previous = current
  }
  return previous[b.length] as number
}
