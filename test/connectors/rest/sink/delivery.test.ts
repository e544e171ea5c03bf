import fc from 'fast-check'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import { Delivery } from '../../../../src/connectors/rest/sink/delivery.ts'
import { type HttpSinkOptions, httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import { RefusalLimit } from '../../../../src/connectors/rest/sink/refusal-limit.ts'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import { OptionError, PortError, RowError } from '../../../../src/errors.ts'
import { defaultRetryPolicy } from '../../../../src/retry.ts'
import { batchOf, contextOf } from '../../drive.ts'
import { type Answer, exchange, type Received } from './receiver.ts'

interface Row {
  readonly n: number
}

const url = 'http://127.0.0.1/rows?token=secret'
const rows = (count: number): readonly Row[] => Array.from({ length: count }, (_, n) => ({ n }))
const numbersIn = (text: string) => (JSON.parse(text) as readonly Row[]).map(({ n }) => n)
const deadLetters = memorySink<RefusedRow>()

/** Delivers rows to a receiver, with virtual time for what waits. */
async function deliver(
  given: readonly Row[],
  receive: (request: Received) => Answer,
  options: Partial<HttpSinkOptions<Row, readonly RefusedRow[]>> = { deadLetters },
  tries = 1,
) {
  const requests: Received[] = []
  const written: number[] = []
  const scheduler = new VirtualTimeScheduler()
  const retry = { ...defaultRetryPolicy, maxAttempts: 4, initialDelayMs: 100, random: () => 1 }
  const settings = httpSinkSettings({ url, ...options })
  const delivery = new Delivery(
    {
      settings,
      client: { retry, scheduler, auth: undefined },
      counted: new RefusalLimit(settings.maxDeadLetters).attempt(),
      tries,
      send: (request, take) =>
        exchange(request, take, (received) => {
          requests.push(received)
          return receive(received)
        }),
    },
    { ...contextOf(batchOf(4), 2, { attempt: 1 }), report: ({ bytes }) => written.push(bytes) },
  )
  let done = false
  const outcome = delivery.deliver({ first: 0, rows: given }).then(
    (refused) => ({ refused, error: undefined }),
    (error: unknown) => ({ refused: undefined, error }),
  )
  outcome.finally(() => {
    done = true
  })
  while (!done) {
    await new Promise(setImmediate)
    scheduler.flush()
  }
  const { refused, error } = await outcome
  const sent = requests.map(({ text }) => (text.startsWith('[') ? numbersIn(text) : []))
  return { refused, error, requests, sent, written, keys: requests.map(({ key }) => key), now: scheduler.now() }
}

/** Takes all rows of a request or none, once for each key. */
function picky(isBad: (n: number) => boolean) {
  const taken: number[] = []
  const seen = new Set<string | undefined>()
  const receive = ({ text, key }: Received): Answer => {
    const numbers = numbersIn(text)
    if (numbers.some(isBad)) return { status: 422, body: { error: `no ${numbers.find(isBad)}` } }
    if (key === undefined || !seen.has(key)) taken.push(...numbers)
    seen.add(key)
    return { status: 201 }
  }
  return { taken, receive }
}

describe('a request that is refused for a row', () => {
  it('is halved down to it; the others are delivered once, in order', async () => {
    const { taken, receive } = picky((n) => n === 5)
    const { refused, keys } = await deliver(rows(8), receive)
    expect(taken).toEqual([0, 1, 2, 3, 4, 6, 7])
    expect(keys.map((key) => key?.replace('4/2/', ''))).toEqual(['0/8', '0/4', '4/4', '4/2', '4/1', '5/1', '6/2'])
    expect(refused).toEqual([
      {
        queryId: 'q',
        batchId: 4,
        partitionId: 2,
        ordinal: 5,
        status: 422,
        attempt: 1,
        reason: 'status 422: {"error":"no 5"}',
        row: '{"n":5}',
      },
    ])
  })

  it('costs two requests a halving', async () => {
    const { requests, refused } = await deliver(rows(10_000), picky((n) => n === 7_321).receive)
    expect(refused?.map(({ ordinal }) => ordinal)).toEqual([7_321])
    expect(requests.length).toBeLessThanOrEqual(1 + 2 * 14)
  })

  it('gives the same requests whenever the same rows are refused, for any of them', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.uniqueArray(fc.nat(59)),
      async (count, bad) => {
        const isBad = (n: number) => bad.includes(n)
        const { taken, receive } = picky(isBad)
        const first = await deliver(rows(count), receive)
        const again = await deliver(rows(count), receive)
        const all = rows(count).map(({ n }) => n)
        expect(taken).toEqual(all.filter((n) => !isBad(n)))
        expect(first.refused?.map(({ ordinal }) => ordinal)).toEqual(all.filter(isBad))
        expect(again.keys).toEqual(first.keys)
        expect(again.refused).toEqual(first.refused)
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  it.each([400, 422])('has status %d', async (status) => {
    const { refused } = await deliver(rows(1), () => ({ status }))
    expect(refused).toMatchObject([{ status, reason: `status ${status}` }])
  })

  it.each([401, 402, 403, 404, 405, 409, 410, 415, 451, 500, 503])('has not status %d: that fails', async (status) => {
    const { error, requests } = await deliver(rows(4), () => ({ status }))
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status })
    expect(requests).toHaveLength(1)
  })

  it('does not speak of idempotency: other rows under a key that is known are no reason to try others', async () => {
    const body = { title: 'This Idempotency-Key was used with another payload' }
    const { error, requests } = await deliver(rows(4), () => ({ status: 422, body }))
    expect(error).toMatchObject({ status: 422 })
    expect(requests).toHaveLength(1)
  })

  it('is what isRowError says', async () => {
    const asked: (string | undefined)[] = []
    const isRowError = ({ status, bodyExcerpt }: HttpError) => asked.push(bodyExcerpt) > 0 && status === 404
    const { refused } = await deliver(rows(1), () => ({ status: 404, body: 'gone' }), { deadLetters, isRowError })
    expect(refused).toMatchObject([{ status: 404, reason: 'status 404: "gone"' }])
    expect(asked).toEqual(['"gone"'])
    const { error } = await deliver(rows(1), () => ({ status: 422 }), { deadLetters, isRowError })
    expect(error).toMatchObject({ status: 422 })
  })

  it('fails when an error in between is none of a row', async () => {
    const { receive } = picky((n) => n === 5)
    let count = 0
    const { error } = await deliver(rows(8), (request) => (++count === 4 ? { status: 403 } : receive(request)))
    expect(error).toMatchObject({ status: 403 })
  })

  it('fails when too many are refused, with the last one', async () => {
    const { error, requests } = await deliver(rows(64), () => ({ status: 400 }), { deadLetters, maxDeadLetters: 3 })
    expect(error).toBeInstanceOf(RowError)
    expect(error).toHaveProperty('message', expect.stringMatching(/more than 3 .* row 3 of partition 2 .*status 400/))
    expect(requests.length).toBeLessThan(14)
  })
})

describe('without a dead-letter sink, a refused row', () => {
  it('fails the batch, and is named', async () => {
    const { receive } = picky((n) => n === 5)
    const { error } = await deliver(rows(8), receive, {})
    expect(error).toBeInstanceOf(RowError)
    expect(error).toHaveProperty(
      'message',
      'httpSink: row 5 of partition 2 was refused: status 422: {"error":"no 5"} (option "deadLetters" takes such rows)',
    )
  })

  it('is not searched where halves would be written again and again', async () => {
    const { taken, receive } = picky((n) => n === 5)
    const { error, requests } = await deliver(rows(8), receive, { idempotency: 'none' })
    expect(error).toBeInstanceOf(RowError)
    expect(error).toHaveProperty('message', expect.stringMatching(/rows 0 to 7 of partition 2 .* status 422: .*no 5/))
    expect(requests).toHaveLength(1)
    expect(taken).toEqual([])
  })

  it('that no request can carry fails it before anything is sent', async () => {
    const { error, requests } = await deliver([{ n: 1 }, { n: Number.NaN }], () => ({ status: 200 }), {})
    expect(error).toHaveProperty('message', expect.stringMatching(/row 1 of partition 2 .*: "n" holds NaN/))
    expect(requests).toEqual([])
  })
})

describe('a row that no request can carry', () => {
  it('is refused unsent; the others are delivered', async () => {
    const { taken, receive } = picky(() => false)
    const { refused } = await deliver([...rows(3), { n: Number.NaN }, { n: 4 }], receive)
    expect(taken).toEqual([0, 1, 2, 4])
    expect(refused).toMatchObject([
      { ordinal: 3, status: null, reason: '"n" holds NaN, which JSON can\'t hold', row: '{"n":"NaN"}' },
    ])
  })
})

describe('a request that is too large', () => {
  it('is halved before it is sent, by its bytes', async () => {
    const { taken, receive } = picky(() => false)
    const { requests, written } = await deliver(rows(10), receive, { maxBytes: 30 })
    expect(requests.every(({ text }) => Buffer.byteLength(text) <= 30)).toBe(true)
    expect(requests.map(({ key }) => key)).toEqual(['4/2/0/3', '4/2/3/2', '4/2/5/3', '4/2/8/2'])
    expect(taken).toEqual(rows(10).map(({ n }) => n))
    expect(written).toEqual(requests.map(({ text }) => Buffer.byteLength(text)))
  })

  it('is as large as may be', async () => {
    const { requests } = await deliver(rows(3), () => ({ status: 200 }), {
      maxBytes: '[{"n":0},{"n":1},{"n":2}]'.length,
    })
    expect(requests).toHaveLength(1)
  })

  it('is halved when the receiver says so', async () => {
    const { taken, receive } = picky(() => false)
    const limited = (request: Received): Answer =>
      numbersIn(request.text).length > 3 ? { status: 413 } : receive(request)
    for (const options of [{}, { idempotency: 'none' } as const]) {
      taken.length = 0
      const { sent } = await deliver(rows(10), limited, options)
      expect(sent.map(({ length }) => length)).toEqual([10, 5, 3, 2, 5, 3, 2])
      expect(taken).toEqual(rows(10).map(({ n }) => n))
    }
  })

  it('is refused when it is a single row', async () => {
    const large = (request: Received): Answer => ({ status: numbersIn(request.text).includes(2) ? 413 : 200 })
    expect((await deliver(rows(4), large)).refused).toMatchObject([{ ordinal: 2, status: 413, reason: 'status 413' }])
    const { refused, requests } = await deliver([{ n: 1_000_000 }, { n: 2 }], large, { deadLetters, maxBytes: 10 })
    expect(refused).toMatchObject([
      { ordinal: 0, status: null, reason: 'a request of this row alone has 15 bytes (option "maxBytes": 10)' },
      { ordinal: 1, status: 413 },
    ])
    expect(requests).toHaveLength(1)
    const failed = await deliver(rows(4), large, {})
    expect(failed.error).toHaveProperty(
      'message',
      expect.stringMatching(/row 2 of partition 2 was refused: status 413/),
    )
  })
})

describe('a row that fills the URL', () => {
  const options = { deadLetters, url: 'http://127.0.0.1/rows/{n}', format: 'single' as const }
  it('and makes one that is too long is refused, where the URL is the same for all it fails the batch', async () => {
    expect((await deliver(rows(1), () => ({ status: 414 }), options)).refused).toMatchObject([{ status: 414 }])
    expect((await deliver(rows(1), () => ({ status: 414 }))).error).toMatchObject({ status: 414 })
  })

  it('and makes none is refused unsent', async () => {
    for (const url of ['http://127.0.0.1/rows/{s}', 'http://{s}/rows']) {
      const given = [{ n: 0, s: 'a\ud800' }]
      const { refused, requests } = await deliver(given, () => ({ status: 200 }), { ...options, url })
      expect(refused).toMatchObject([{ ordinal: 0, status: null, reason: 'column "s" names no place in a URL' }])
      expect(requests).toEqual([])
    }
  })
})

describe('an answer that is good', () => {
  it('has a status of 200 to 299, or one of okStatuses', async () => {
    for (const status of [200, 201, 202, 204, 299])
      expect((await deliver(rows(2), () => ({ status }))).refused).toEqual([])
    const { refused, requests } = await deliver(rows(2), () => ({ status: 409 }), { okStatuses: [409] })
    expect(refused).toEqual([])
    expect(requests).toHaveLength(1)
  })

  it('does not come from elsewhere', async () => {
    const login = { status: 200, url: 'http://127.0.0.1/login?token=secret' }
    const { error } = await deliver(rows(2), () => login)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: false, status: 200 })
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/redirected to http:\/\/127.0.0.1\/login, .*give the URL/),
    )
    expect(String(error)).not.toContain('secret')
    const same = { status: 200, url: 'http://127.0.0.1/rows?token=***' }
    expect((await deliver(rows(2), () => same)).refused).toEqual([])
  })
})

describe('an answer that names rows', () => {
  const rowErrors = ({ body }: { readonly body: unknown }) =>
    (
      body as {
        readonly errors?: readonly { readonly index: number; readonly why: string; readonly later?: boolean }[]
      }
    ).errors?.map(({ index, why, later = false }) => ({ index, reason: why, retryable: later })) ?? []

  it('has delivered the others', async () => {
    const body = {
      errors: [
        { index: 2, why: 'password=secret' },
        { index: 0, why: 'bad' },
      ],
    }
    const { refused, requests } = await deliver(rows(4), () => ({ status: 207, body }), { deadLetters, rowErrors })
    expect(requests).toHaveLength(1)
    expect(refused).toMatchObject([
      { ordinal: 0, status: 207, reason: 'bad', row: '{"n":0}' },
      { ordinal: 2, status: 207, reason: 'password=***' },
    ])
    const own = () => [{ index: 1, status: 429 }]
    const named = await deliver(rows(4), () => ({ status: 200, body }), { deadLetters, rowErrors: own })
    expect(named.refused).toMatchObject([{ ordinal: 1, status: 429, reason: 'status 429' }])
  })

  it('fails the batch without a dead-letter sink', async () => {
    const body = { errors: [{ index: 2, why: 'bad' }] }
    const { error } = await deliver(rows(4), () => ({ status: 207, body }), { rowErrors })
    expect(error).toHaveProperty('message', expect.stringMatching(/row 2 of partition 2 was refused: bad/))
  })

  it('has the ones sent again that it has put off, after a while and under other keys', async () => {
    const tries = new Map<number, number>()
    const { refused, keys, now } = await deliver(
      rows(6),
      ({ text }) => {
        const errors = numbersIn(text).flatMap((n, index) => {
          tries.set(n, (tries.get(n) ?? 0) + 1)
          if (n === 5 && tries.get(n) === 2) return [{ index, why: 'bad', later: false }]
          return [1, 2, 5].includes(n) && (tries.get(n) ?? 0) < (n === 2 ? 3 : 2 + Number(n === 5))
            ? [{ index, why: 'busy', later: true }]
            : []
        })
        return { status: 207, body: { errors } }
      },
      { deadLetters, rowErrors },
    )
    expect(keys.map((key) => key?.replace('4/2/', ''))).toEqual(['0/6', '1/2/again-1', '2/1/again-2', '5/1/again-1'])
    expect(refused).toMatchObject([{ ordinal: 5, reason: 'bad' }])
    expect(now).toBe(100 + 200)
  })

  /** Takes none of the rows before its nth request, and answers a key that it knows as it did first. */
  const busyUntil = (nth: number) => {
    const kept = new Map<string | undefined, Answer>()
    return ({ text, key }: Received): Answer => {
      const errors = numbersIn(text).map((_, index) => ({ index, why: 'busy', later: true }))
      const answer = kept.get(key) ?? { status: 207, body: { errors: kept.size + 1 < nth ? errors : [] } }
      kept.set(key, answer)
      return answer
    }
  }

  it('has them sent under further keys in each further try: answers to the keys before may be kept ones', async () => {
    const receive = busyUntil(6)
    const options = { deadLetters, rowErrors }
    expect((await deliver(rows(2), receive, options)).error).toMatchObject({ retryable: true })
    const second = await deliver(rows(2), receive, options, 2)
    expect(second.refused).toEqual([])
    expect(second.keys.map((key) => key?.replace('4/2/0/2', ''))).toEqual(
      ['', 1, 2, 3, 4, 5].map((round) => round && `/again-${round}`),
    )
    expect(second.now).toBe(100 + 200 + 400 + 100 + 100)
  })

  it.each<[string, Partial<HttpSinkOptions<Row, readonly RefusedRow[]>>, number]>([
    ['a header', {}, 8],
    ['a field of an envelope', { idempotency: { field: 'once' }, envelope: (records) => ({ records }) }, 8],
    ['a field of each row', { idempotency: { field: 'once' } }, 4],
    ['a natural key', { idempotency: { key: 'n' } }, 4],
    ['nothing', { idempotency: 'none' }, 4],
  ])('and no more often than needed, by %s', async (_, options, most) => {
    const receive = ({ text }: Received): Answer => {
      const body = JSON.parse(text) as readonly Row[] | { readonly records: readonly Row[] }
      const records = 'records' in body ? body.records : body
      return { status: 207, body: { errors: records.map((_row, index) => ({ index, why: 'busy', later: true })) } }
    }
    const { error, requests } = await deliver(rows(2), receive, { rowErrors, ...options }, 2)
    expect(error).toMatchObject({ retryable: true })
    expect(requests).toHaveLength(most)
  })

  it('does not show a header of the request that the answer quotes', async () => {
    const headers = { 'x-shibboleth': 'wombat-17-quokka' }
    const body = { errors: [{ index: 0, why: 'not by wombat\\u002d17-quokka' }] }
    const { refused } = await deliver(rows(1), () => ({ status: 207, body }), { deadLetters, rowErrors, headers })
    expect(refused).toMatchObject([{ reason: 'not by ***' }])
  })

  it('fails, worth a repeat, when they are put off too often', async () => {
    const body = { errors: [{ index: 0, why: 'password=secret' }] }
    const later = (answer: { readonly body: unknown }) => rowErrors(answer).map((row) => ({ ...row, retryable: true }))
    const { error, requests, now } = await deliver(rows(1), () => ({ status: 207, body }), {
      deadLetters,
      rowErrors: later,
    })
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: true, method: 'POST' })
    expect(error).toHaveProperty('message', expect.stringMatching(/^POST http.* put 1 of 1 rows off: password=\*\*\*$/))
    expect(String(error)).not.toContain('secret')
    expect(requests).toHaveLength(4)
    expect(now).toBe(100 + 200 + 400)
  })

  it('has rows refused that are put off and then halved, by ordinal', async () => {
    const { refused } = await deliver(
      rows(4),
      ({ text, key }) => {
        if (key === '4/2/0/4') {
          const errors = [0, 1, 2].map((index) => ({ index, why: 'busy', later: index < 2 }))
          return { status: 207, body: { errors } }
        }
        return numbersIn(text).includes(1) ? { status: 422 } : { status: 200, body: {} }
      },
      { deadLetters, rowErrors },
    )
    expect(refused).toMatchObject([
      { ordinal: 1, status: 422 },
      { ordinal: 2, status: 207 },
    ])
  })

  it('must be read to a list: nothing said is not "all is well"', async () => {
    const silent = () => undefined as never
    const { error } = await deliver(rows(2), () => ({ status: 207, body: {} }), { deadLetters, rowErrors: silent })
    expect(error).toBeInstanceOf(PortError)
  })

  it('must name rows of the request', async () => {
    const { error } = await deliver(rows(2), () => ({ status: 207, body: { errors: [{ index: 2, why: 'x' }] } }), {
      rowErrors,
    })
    expect(error).toBeInstanceOf(PortError)
  })
})

it('fails with what row throws, and with options that do not fit the rows', async () => {
  const row = () => {
    throw new TypeError('broken')
  }
  expect((await deliver(rows(2), () => ({ status: 200 }), { deadLetters, row })).error).toBeInstanceOf(TypeError)
  const { error } = await deliver(rows(2), () => ({ status: 200 }), { deadLetters, idempotency: { field: 'n' } })
  expect(error).toBeInstanceOf(OptionError)
})
