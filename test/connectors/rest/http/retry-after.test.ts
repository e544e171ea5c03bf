import { expect, it } from 'vitest'
import { retryAfterMs } from '../../../../src/connectors/rest/http/retry-after.ts'

const now = Date.UTC(2024, 5, 1, 12)
const at = (ms: number): string => new Date(now + ms).toUTCString()
const after = (headers: Record<string, string>, status = 503) => retryAfterMs({ status, headers }, now)

it.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '120' }, 120_000],
  ['a fraction', { 'retry-after': '0.25' }, 250],
  ['none', { 'retry-after': '0' }, 0],
  ['a day, uncut', { 'retry-after': '86400' }, 86_400_000],
  ['a date', { 'retry-after': at(5_000) }, 5_000],
  ['a date in the past', { 'retry-after': at(-5_000) }, 0],
  ['a date by a clock that is an hour ahead', { 'retry-after': at(3_605_000), date: at(3_600_000) }, 5_000],
  ['ISO 8601', { 'retry-after': '2024-06-01T12:00:05Z' }, 5_000],
  ['a time since 1970', { 'retry-after': String(now / 1_000 + 5) }, 5_000],
  ['a day without a time', { 'retry-after': '2024-06-01' }, undefined],
  ['nonsense', { 'retry-after': 'later' }, undefined],
  ['less than nothing', { 'retry-after': '-5' }, undefined],
  ['nothing', {}, undefined],
])('%s', (_name, headers, expected) => {
  expect(after(headers)).toBe(expected)
})

it('of 429 is the end of a quota that is used up, if nothing else is said', () => {
  expect(after({ ratelimit: 'limit=10, remaining=0, reset=7' }, 429)).toBe(7_000)
  expect(after({ ratelimit: '"a";r=0;t=7, "b";r=0;t=9, "c";r=1;t=99' }, 429)).toBe(9_000)
  expect(after({ ratelimit: 'limit=10, remaining=0, reset=7', 'retry-after': '3' }, 429)).toBe(3_000)
  expect(after({ ratelimit: 'limit=10, remaining=3, reset=7' }, 429)).toBeUndefined()
  expect(after({ ratelimit: 'limit=10, remaining=0, reset=7' }, 503)).toBeUndefined()
})

it('of 429 whose quota ends at an ISO date is that date, not its year in seconds', () => {
  const quota = (reset: string) => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset })
  expect(after(quota('2024-06-01T12:00:05Z'), 429)).toBe(5_000)
  expect(after(quota('2024-06-01 around noon'), 429)).toBeUndefined()
})
