import { httpDate } from './http-date.ts'
import { quotasOf, serverTime } from './rate-limit-headers.ts'

/**
 * How long an answer asks to wait before the next request, in milliseconds: its `Retry-After` (seconds, also with a fraction, or an HTTP date),
 * else, of an answer 429, the end of a quota that is used up. `undefined` where it doesn't ask.
 *
 * A date is compared with the answer's own `date`, so that clocks needn't agree; one in the past is 0.
 * @param now in milliseconds since 1970.
 */
export function retryAfterMs(
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  now: number,
): number | undefined {
  const value = headers['retry-after']?.trim()
  if (value !== undefined) {
    if (/^\d+(?:\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1_000)
    const until = httpDate(value, now)
    if (until !== undefined) return Math.max(0, until - serverTime(headers, now))
  }
  if (status !== 429) return undefined
  const used = quotasOf(headers, now).filter(({ remaining }) => remaining === 0)
  return used.length === 0 ? undefined : Math.max(...used.map(({ resetMs }) => resetMs))
}
