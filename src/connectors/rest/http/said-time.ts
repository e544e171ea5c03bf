import { epochMs } from '../../../instant.ts'
import { httpDate } from './http-date.ts'

type Headers = Readonly<Record<string, string>>

/** A number, and nothing beside it: the first digits of a text may be the year of a date. */
const number = /^\d+(?:\.\d+)?$/

/** What the server's clock showed when it answered. */
export function serverTime({ date = '' }: Headers, now: number): number {
  return httpDate(date, now) ?? now
}

/** A number that is all of a text; `undefined` for another text. */
export function numberIn(text: string): number | undefined {
  const trimmed = text.trim()
  return number.test(trimmed) ? Number(trimmed) : undefined
}

/**
 * How long it is until a time that a header tells, in milliseconds, at least 0: in seconds from now, also with a fraction; as a time since 1970 in seconds or milliseconds;
 * as an HTTP date; as ISO 8601 with a zone, its fraction cut to milliseconds. `undefined` for another text, and for a number that is neither.
 *
 * A time is compared with the answer's own `date`, so that clocks needn't agree.
 * @param now in milliseconds since 1970.
 */
export function untilMs(text: string, headers: Headers, now: number): number | undefined {
  const value = numberIn(text)
  // As a delay it would be 30 years, as a time it is after 2001.
  if (value !== undefined && value < 1e9) return Math.ceil(value * 1_000)
  const at = value === undefined ? (httpDate(text, now) ?? isoTime(text)) : epoch(value)
  return at === undefined ? undefined : Math.max(0, Math.ceil(at - serverTime(headers, now)))
}

function epoch(value: number): number | undefined {
  if (value < 1e11) return value * 1_000
  return value < 1e14 ? value : undefined
}

/** A day without a time of day is not a time. */
function isoTime(text: string): number | undefined {
  const trimmed = text.trim()
  return trimmed.includes('T') ? epochMs(trimmed.replace(/(\.\d{3})\d+/, '$1')) : undefined
}
