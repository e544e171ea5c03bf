import { httpDate } from './http-date.ts'

/** What a server says is left: at most `remaining` more requests within the next `resetMs` milliseconds. */
export interface Quota {
  readonly remaining: number
  readonly resetMs: number
}

type Headers = Readonly<Record<string, string>>

/**
 * What the headers of an answer say is left, in any of these forms:
 *
 * - `RateLimit: limit=100, remaining=50, reset=30` (IETF draft up to 07)
 * - `RateLimit: "default";r=50;t=30, "burst";r=9;t=1` (IETF draft from 08)
 * - `ratelimit-remaining` and `ratelimit-reset`, with or without `x-`, also `x-rate-limit-…`; several values in lists of equal length.
 *   The reset is seconds from now, or a time since 1970 in seconds or milliseconds; `x-ratelimit-reset-after` is seconds.
 *
 * What is said in part (a remainder without an end) says nothing.
 * @param now in milliseconds since 1970, for times in headers; the answer's own `date` wins, so that clocks needn't agree.
 */
export function quotasOf(headers: Headers, now: number): readonly Quota[] {
  const said = headers.ratelimit
  if (said !== undefined) return /(?:^|[,;\s])remaining\s*=/i.test(said) ? inWords(said) : inLetters(said)
  for (const prefix of ['ratelimit-', 'x-ratelimit-', 'x-rate-limit-']) {
    const remaining = headers[`${prefix}remaining`]
    const after = headers[`${prefix}reset-after`]
    const reset = after ?? headers[`${prefix}reset`]
    if (remaining === undefined || reset === undefined) continue
    const at = after === undefined ? serverTime(headers, now) : undefined
    return zipped(remaining, reset, (value) => resetMs(value, at))
  }
  return []
}

/** What the server's clock showed when it answered. */
export function serverTime({ date = '' }: Headers, now: number): number {
  return httpDate(date, now) ?? now
}

function inWords(said: string): readonly Quota[] {
  return quota(numberAfter(/\bremaining\s*=\s*/i, said), numberAfter(/\breset\s*=\s*/i, said))
}

function inLetters(said: string): readonly Quota[] {
  return said
    .split(',')
    .flatMap((item) => quota(numberAfter(/;\s*r\s*=\s*/i, item), numberAfter(/;\s*t\s*=\s*/i, item)))
}

function zipped(remaining: string, reset: string, toMs: (value: number) => number): readonly Quota[] {
  const resets = reset.split(',')
  const values = remaining.split(',')
  if (values.length !== resets.length) return []
  return values.flatMap((value, index) => {
    const seconds = numberAfter(/^\s*/, resets[index] ?? '')
    return quota(numberAfter(/^\s*/, value), seconds === undefined ? undefined : toMs(seconds) / 1_000)
  })
}

function quota(remaining: number | undefined, seconds: number | undefined): readonly Quota[] {
  if (remaining === undefined || seconds === undefined) return []
  return [{ remaining: Math.floor(remaining), resetMs: Math.max(0, Math.ceil(seconds * 1_000)) }]
}

/** A delay in seconds, or a time that the server's clock will show. */
function resetMs(value: number, serverNow: number | undefined): number {
  if (serverNow === undefined || value < 1e9) return value * 1_000
  return value * (value < 1e11 ? 1_000 : 1) - serverNow
}

function numberAfter(before: RegExp, text: string): number | undefined {
  const start = before.exec(text)
  if (start === null) return undefined
  const [digits] = /^\d+(?:\.\d+)?/.exec(text.slice(start.index + start[0].length)) ?? []
  return digits === undefined ? undefined : Number(digits)
}
