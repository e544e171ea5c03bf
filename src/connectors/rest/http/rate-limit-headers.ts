import { numberIn, untilMs } from './said-time.ts'

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
 *   The reset is seconds from now, a time since 1970 in seconds or milliseconds, an HTTP date or ISO 8601 with a zone; `x-ratelimit-reset-after` is seconds.
 *
 * What is said in part (a remainder without an end), or in another form, says nothing.
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
    return zipped(remaining, reset, (text) => (after === undefined ? untilMs(text, headers, now) : delayMs(text)))
  }
  return []
}

function inWords(said: string): readonly Quota[] {
  return quota(parameterOf('remaining', said), delayMs(parameterOf('reset', said)))
}

function inLetters(said: string): readonly Quota[] {
  return said.split(',').flatMap((item) => quota(parameterOf('r', item), delayMs(parameterOf('t', item))))
}

function zipped(remaining: string, reset: string, toMs: (text: string) => number | undefined): readonly Quota[] {
  const values = remaining.split(',')
  // There is a comma in an HTTP date, too.
  const resets = values.length === 1 ? [reset] : reset.split(',')
  if (values.length !== resets.length) return []
  return values.flatMap((value, index) => quota(value, toMs(resets[index] ?? '')))
}

function quota(remaining: string, resetMs: number | undefined): readonly Quota[] {
  const left = numberIn(remaining)
  return left === undefined || resetMs === undefined ? [] : [{ remaining: Math.floor(left), resetMs }]
}

function delayMs(text: string): number | undefined {
  const seconds = numberIn(text)
  return seconds === undefined ? undefined : Math.ceil(seconds * 1_000)
}

/** What a name is given in `name=value; other=value`; nothing where it isn't there. */
function parameterOf(name: string, said: string): string {
  return new RegExp(`(?:^|[,;\\s])${name}\\s*=([^,;]*)`, 'i').exec(said)?.[1] ?? ''
}
