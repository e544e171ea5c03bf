/** A point in time: a Date, milliseconds since the epoch, or ISO 8601 text (a date, or date and time with `Z` or an offset). */
export type Instant = Date | number | string

// A time without a zone is refused: it would mean another instant on another machine. Finer than milliseconds too: it would be cut.
const iso = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d))?$/

/** Milliseconds since the epoch, or `undefined` for anything that is not a point in time. */
export function epochMs(value: unknown): number | undefined {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseIso(value) : value
  return typeof ms === 'number' && Number.isInteger(ms) && Math.abs(ms) <= 8.64e15 ? ms : undefined
}

/** ISO 8601 in UTC with milliseconds. */
export function isoText(ms: number): string {
  return new Date(ms).toISOString()
}

function parseIso(text: string): number | undefined {
  const [, year, month, day] = iso.exec(text) ?? []
  // Date.parse takes February 30th for March 2nd.
  if (year === undefined || Number(day) > daysIn(Number(year), Number(month))) return undefined
  return Date.parse(text)
}

function daysIn(year: number, month: number): number {
  // 400 years on the calendar repeats; adding them keeps years below 100 from being taken for the 1900s.
  return new Date(Date.UTC((((year % 400) + 400) % 400) + 2000, month, 0)).getUTCDate()
}
