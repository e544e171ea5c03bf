import { describe, expect, it } from 'vitest'
import { quotasOf } from '../../../../src/connectors/rest/http/rate-limit-headers.ts'

const now = Date.UTC(2024, 5, 1, 12)
const quotas = (headers: Record<string, string>) =>
  quotasOf(headers, now).map(({ remaining, resetMs }) => [remaining, resetMs])

describe('what is left is told by', () => {
  it.each<[string, Record<string, string>, number[][]]>([
    ['RateLimit in words', { ratelimit: 'limit=100, remaining=50, reset=30' }, [[50, 30_000]]],
    ['RateLimit in words, in another order', { ratelimit: 'reset=30,remaining=50' }, [[50, 30_000]]],
    ['RateLimit in letters', { ratelimit: '"default";r=50;t=30' }, [[50, 30_000]]],
    [
      'RateLimit of several policies',
      { ratelimit: '"day";r=500;t=3600, "burst";pk=:a=:;r=0; t=1' },
      [
        [500, 3_600_000],
        [0, 1_000],
      ],
    ],
    ['ratelimit-remaining', { 'ratelimit-remaining': '5', 'ratelimit-reset': '12' }, [[5, 12_000]]],
    ['x-ratelimit-remaining', { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '12.5' }, [[5, 12_500]]],
    ['x-rate-limit-remaining', { 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': '12' }, [[5, 12_000]]],
    [
      'a reset in seconds since 1970',
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1_000 + 9) },
      [[0, 9_000]],
    ],
    [
      'a reset in milliseconds since 1970',
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 9_001) },
      [[0, 9_001]],
    ],
    ['a reset in the past', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1_000 - 9) }, [[0, 0]]],
    ...(
      [
        ['ISO 8601', '2024-06-01T12:00:09Z'],
        ['ISO 8601 with a fraction', '2024-06-01T12:00:09.000000Z'],
        ['ISO 8601 in another zone', '2024-06-01T14:00:09+02:00'],
        ['an HTTP date', 'Sat, 01 Jun 2024 12:00:09 GMT'],
        ['an old HTTP date', 'Saturday, 01-Jun-24 12:00:09 GMT'],
        ['seconds since 1970 with a fraction', `${now / 1_000 + 9}.0`],
      ] as const
    ).map(
      ([name, reset]) =>
        [`a reset as ${name}`, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, [[0, 9_000]]] as [
          string,
          Record<string, string>,
          number[][],
        ],
    ),
    [
      'a reset by a clock that is an hour ahead',
      {
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(now / 1_000 + 3_609),
        date: new Date(now + 3_600_000).toUTCString(),
      },
      [[0, 9_000]],
    ],
    [
      'x-ratelimit-reset-after, which wins',
      { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '1', 'x-ratelimit-reset-after': '0.5' },
      [[1, 500]],
    ],
    [
      'lists',
      { 'x-ratelimit-remaining': '9, 999', 'x-ratelimit-reset': '1, 3600' },
      [
        [9, 1_000],
        [999, 3_600_000],
      ],
    ],
  ])('%s', (_name, headers, expected) => {
    expect(quotas(headers)).toEqual(expected)
  })

  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['a remainder without an end', { 'x-ratelimit-remaining': '0' }],
    ['an end without a remainder', { 'x-ratelimit-reset': '3' }],
    ['a policy alone', { 'ratelimit-policy': '"default";q=100;w=60' }],
    ['letters without an end', { ratelimit: '"default";r=0' }],
    ['words that are no numbers', { ratelimit: 'limit=100, remaining=some, reset=soon' }],
    ['lists that don’t match', { 'x-ratelimit-remaining': '9, 999', 'x-ratelimit-reset': '1' }],
    ...[
      '2024-06-01',
      '2024-06-01T12:00:09',
      '2024-06-31T12:00:09Z',
      '6m0s',
      '1s',
      '12 seconds',
      '1717243209000000',
      '1e3',
    ].map(
      (reset) =>
        [`a reset of ${reset}`, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }] as [
          string,
          Record<string, string>,
        ],
    ),
    ['a remainder with a unit', { 'x-ratelimit-remaining': '5 requests', 'x-ratelimit-reset': '1' }],
    ['words with a date', { ratelimit: 'limit=100, remaining=0, reset=2024-06-01T12:00:09Z' }],
    ['letters with a unit', { ratelimit: '"default";r=0;t=3m' }],
    ['negative numbers', { 'x-ratelimit-remaining': '-1', 'x-ratelimit-reset': '1' }],
  ])('not by %s', (_name, headers) => {
    expect(quotas(headers)).toEqual([])
  })
})
