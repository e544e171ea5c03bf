import { type OptionRule, required, validateOptions } from './options.ts'

/**
 * A length of time: whole milliseconds, or a text of numbers and units as in Spark's intervals:
 * `'5 seconds'`, `'1 hour 30 minutes'`, `'1.5 seconds'`, or short `'500ms'`, `'5s'`, `'10m'`, `'2h'`, `'1d'`, `'1w'`.
 */
export type Duration = number | string

const unitMs: ReadonlyMap<string, number> = new Map([
  ...named(1, 'ms', 'millisecond', 'milliseconds'),
  ...named(1_000, 's', 'sec', 'second', 'seconds'),
  ...named(60_000, 'm', 'min', 'minute', 'minutes'),
  ...named(3_600_000, 'h', 'hour', 'hours'),
  ...named(86_400_000, 'd', 'day', 'days'),
  ...named(604_800_000, 'w', 'week', 'weeks'),
])

const expected =
  'whole milliseconds or a text such as "5 seconds", "1 hour 30 minutes" or "500ms" (months and years have no fixed length)'

/** For {@link validateOptions}: any duration, also 0. */
export const durationRule: OptionRule = { expected, accepts: (value) => parseMs(value) !== undefined }

export const positiveDurationRule: OptionRule = {
  expected: `more than 0: ${expected}`,
  accepts: (value) => (parseMs(value) ?? 0) > 0,
}

/**
 * The duration in milliseconds.
 * @param owner who takes the duration, and `option` under which name: for the error.
 * @throws OptionError for anything that is not a duration, with the value.
 */
export function durationMs(value: Duration, owner: string, option: string): number {
  validateOptions(owner, { [option]: value }, { [option]: required(durationRule) })
  return parseMs(value) as number
}

function parseMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? parseText(value) : value
  return typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0 ? ms : undefined
}

function parseText(text: string): number | undefined {
  const terms = text.trim().replace(/^interval\s+/i, '')
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i.test(terms)) return undefined
  let total = 0
  for (const [, whole = '', fraction = '', name = ''] of terms.matchAll(/(\d+)(?:\.(\d+))?\s*([a-z]+)/gi)) {
    // A single letter keeps its case: M is a month elsewhere.
    const unit = unitMs.get(name.length === 1 ? name : name.toLowerCase())
    if (unit === undefined) return undefined
    const scaled = Number(whole + fraction) * unit
    const scale = 10 ** fraction.length
    if (!Number.isSafeInteger(scaled) || scaled % scale !== 0) return undefined
    total += scaled / scale
  }
  return total
}

function named(ms: number, ...names: readonly string[]): (readonly [string, number])[] {
  return names.map((name) => [name, ms])
}
