import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { byTime, type TimeWindowOptions } from '../../../../src/connectors/rest/source/by-time.ts'
import { restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { OptionError } from '../../../../src/errors.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import { type Api, fakeClient } from './fake-client.ts'
import { batched, streamed } from './run.ts'

const event = schema('id int not null, at timestamp not null')
type Event = RowOf<typeof event>

const noon = Date.UTC(2026, 0, 1, 12)
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()
const events = (...seconds: readonly number[]): Event[] =>
  seconds.map((at, id) => ({ id, at: new Date(noon + at * 1_000) }))

/** `start <= at < end`; more than `most` rows are refused with 413. */
const log =
  (rows: readonly Event[], most = Infinity): Api =>
  ({ query }) => {
    const found = rows.filter(
      ({ at }) => Number(at) >= Date.parse(query.start ?? '') && Number(at) < Date.parse(query.end ?? ''),
    )
    return found.length > most ? { status: 413, body: '' } : { body: found }
  }

const options: TimeWindowOptions<'at'> = {
  params: { from: 'start', to: 'end' },
  from: iso(0),
  safetyLag: 0,
  head: () => noon + 60_000,
  field: 'at',
}
const source = (api: Api, over: Partial<TimeWindowOptions<'at'>> = {}, client = fakeClient(api)) =>
  Object.assign(
    restSource(
      {
        url: 'http://api/events',
        schema: event,
        pagination: singlePage(),
        partitions: byTime({ ...options, ...over }),
      },
      () => client,
    ) as Required<ReturnType<typeof restSource<Event, never>>>,
    { client },
  )

describe('byTime', () => {
  it('asks for windows that meet, in the words of the API', async () => {
    const made = source(log(events(0, 29, 30, 59)), { partitionDuration: '30 seconds' })
    expect((await batched(made)).rows.map(({ id }) => id)).toEqual([0, 1, 2, 3])
    expect(made.client.urls).toEqual([
      `/events?start=${iso(0)}&end=${iso(30)}`,
      `/events?start=${iso(30)}&end=${iso(60)}`,
    ])
    const inclusive = source(
      ({ query }) => ({
        body: events(0, 29, 30, 59)
          .map((row) => ({ ...row, at: Number(row.at) / 1_000 }))
          .filter(({ at }) => at > Number(query.after) && at <= Number(query.until))
          .map(({ id, at }) => ({ id, at: new Date(at * 1_000) })),
      }),
      {
        partitionDuration: '30 seconds',
        params: { from: 'after', to: 'until' },
        convention: { tick: 'second', start: 'exclusive', end: 'inclusive', format: 'epoch' },
      },
    )
    expect((await batched(inclusive)).rows.map(({ id }) => id)).toEqual([0, 1, 2, 3])
    expect(inclusive.client.urls[0]).toBe(`/events?after=${noon / 1_000 - 1}&until=${noon / 1_000 + 29}`)
  })

  it('is a stream of windows: late ones wait for the safety lag, and nothing is asked for twice', async () => {
    const rows = events(0, 10, 20)
    let now = noon + 30_000
    const made = source(log(rows), { safetyLag: '10 seconds', head: () => now })
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Event>()
    await streamed(made, { checkpoint, sink })
    rows.push({ id: 3, at: new Date(noon + 20_500) })
    now += 30_000
    await streamed(made, { checkpoint, sink })
    expect(sink.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3])
    expect(made.client.urls).toEqual([
      `/events?start=${iso(0)}&end=${iso(20)}`,
      `/events?start=${iso(20)}&end=${iso(50)}`,
    ])
  })

  it('halves a window that is too large while it is read, in order, and the plan stays as it was', async () => {
    const made = source(log(events(0, 1, 2, 3, 30, 31, 59), 2))
    const sink = await streamed(made)
    expect(sink.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(sink.batches.size).toBe(1)
    expect(made.client.urls.slice(0, 4)).toEqual([
      `/events?start=${iso(0)}&end=${iso(60)}`,
      `/events?start=${iso(0)}&end=${iso(30)}`,
      `/events?start=${iso(0)}&end=${iso(15)}`,
      `/events?start=${iso(0)}&end=${iso(7)}`,
    ])
  })

  it('halves again in a replay of the same partition', async () => {
    const checkpoint = memoryCheckpoint()
    const rows = events(0, 1, 2, 3, 30, 31, 59)
    let left = 5
    const dying: Api = (asked, count) => {
      if (--left === 0) throw new Error('the process dies')
      return log(rows, 2)(asked, count)
    }
    const sink = memorySink<Event>()
    await expect(streamed(source(dying), { checkpoint, sink })).rejects.toThrow('the process dies')
    expect(sink.rows).toEqual([])
    const again = source(log(rows, 2), { head: () => noon + 60_000_000 })
    await streamed(again, { checkpoint, sink })
    expect(sink.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6])
    // The replay is of the window that was planned.
    expect(again.client.urls[0]).toBe(`/events?start=${iso(0)}&end=${iso(60)}`)
  })

  it('takes a window with as many rows as the API gives at most for one that has more', async () => {
    const rows = events(0, 1, 2, 3, 30, 31, 59)
    const truncating: Api = (asked, count) => {
      const answer = log(rows)(asked, count) as { body: Event[] }
      return { body: answer.body.slice(0, 3) }
    }
    const made = source(truncating, { cap: 3 })
    expect((await batched(made)).rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('takes what an API says in other words', async () => {
    const rows = events(0, 1, 2)
    const api: Api = (asked, count) => {
      const { body } = log(rows)(asked, count) as { body: Event[] }
      if (body.length > 1) throw new Error('QueryExecutionResultSizeLimitExceeded')
      return { body }
    }
    const tooLarge = (error: unknown): boolean => String(error).includes('SizeLimitExceeded')
    expect((await batched(source(api, { tooLarge }))).rows.map(({ id }) => id)).toEqual([0, 1, 2])
    await expect(batched(source(api))).rejects.toThrow('SizeLimitExceeded')
  })

  it('does not halve a window of which rows were given already: they would come twice', async () => {
    const rows = events(0, 1, 2, 3)
    const made = restSource(
      {
        url: 'http://api/events',
        schema: event,
        pagination: offsetLimit(),
        partitions: byTime(options),
      },
      () => fakeClient(({ query }) => (query.offset === '0' ? { body: rows.slice(0, 2) } : { status: 413, body: '' })),
    )
    await expect(batched(made)).rejects.toThrow('413')
  })

  it('gives up at the least window, and says so', async () => {
    const tied = events(5, 5, 5)
    await expect(batched(source(log(tied, 2), { minWindow: '2 seconds' }))).rejects.toThrow(
      /byTime: the window from \S+ to \S+ is too large for the API, and its halves would be shorter than "minWindow" \(2000 ms\)/,
    )
    const made = source(log(events(0, 1), 1), { minWindow: '20 seconds' })
    await expect(batched(made)).rejects.toThrow('shorter than "minWindow" (20000 ms)')
    expect(made.client.urls).toEqual([
      `/events?start=${iso(0)}&end=${iso(60)}`,
      `/events?start=${iso(0)}&end=${iso(30)}`,
    ])
  })

  it('reads every event once, whatever the windows and what is too large for the API', async () => {
    const seconds = fc.array(fc.nat(59), { maxLength: 25 }).map((list) => list.sort((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(
        seconds,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (list, window, more) => {
          const rows = events(...list)
          const ties = Math.max(0, ...list.map((at) => list.filter((other) => other === at).length))
          const made = source(log(rows, Math.max(ties, more)), {
            partitionDuration: window * 1_000,
            maxWindow: 2 * window * 1_000,
          })
          expect((await streamed(made)).rows).toEqual(rows)
          expect((await batched(made)).rows).toEqual(rows)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is told of an API that does not know the parameters', async () => {
    const made = source(() => ({ body: events(-5) }))
    await expect(batched(made)).rejects.toThrow('were asked for, and one has the at')
  })

  it('has nothing to read before the time it begins at', async () => {
    const made = source(log([]), { from: iso(90) })
    expect((await batched(made)).rows).toEqual([])
    expect((await streamed(made)).batches.size).toBe(0)
    expect(made.client.urls).toEqual([])
  })

  it.each<[object, string]>([
    [{ params: undefined }, 'byTime: option "params" is missing'],
    [{ safetyLag: undefined }, 'option "safetyLag" is missing'],
    [{ convention: { tick: 'minute' } }, 'option "tick" must be one of'],
    [{ minWindow: 10 }, 'option "minWindow" must not be less than "granularity" (1000 ms), and it is 10 ms'],
    [{ cap: 0 }, 'option "cap" must be a positive integer'],
    [{ window: 1 }, 'unknown option "window"'],
  ])('refuses %o', (over, message) => {
    expect(() => byTime({ ...options, ...over } as never)).toThrow(OptionError)
    expect(() => byTime({ ...options, ...over } as never)).toThrow(message)
  })
})
