import { quotasOf } from './rate-limit-headers.ts'
import { numberIn, untilMs } from './said-time.ts'

/**
 * How long an answer asks to wait before the next request, in milliseconds: its `Retry-After` (seconds, also with a fraction, an HTTP date, or what isn't in the standard, a time since 1970 or ISO 8601),
 * else, of an answer 429, the end of a quota that is used up. `undefined` where it doesn't ask.
 *
 * A date is compared with the answer's own `date`, so that clocks needn't agree; one in the past is 0.
 * @param now in milliseconds since 1970.
 */
export function retryAfterMs(
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  now: number,
): number | undefined {
  const value = headers['retry-after'] ?? ''
  // What is no time in any unit is a long time all the same.
  const asked = untilMs(value, headers, now) ?? numberIn(value)
  if (asked !== undefined) return asked
  if (status !== 429) return undefined
  const used = quotasOf(headers, now).filter(({ remaining }) => remaining === 0)
  return used.length === 0 ? undefined : Math.max(...used.map(({ resetMs }) => resetMs))
}
