import { lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Activity, ActivityTimes } from '../../../src/activity.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { requestBudget } from '../../../src/connectors/rest/http/budget.ts'
import type { ClientOptions } from '../../../src/connectors/rest/http/options.ts'
import { Waits } from '../../../src/connectors/rest/http/waits.ts'
import { pageNumber } from '../../../src/connectors/rest/pagination/page-number.ts'
import { httpSink } from '../../../src/connectors/rest/sink/sink.ts'
import { byItems } from '../../../src/connectors/rest/source/by-items.ts'
import { rest } from '../../../src/connectors/rest/source/rest.ts'
import { schema } from '../../../src/schema.ts'
import { read } from '../../../src/stream.ts'
import type { StreamingQuery } from '../../../src/streaming-query.ts'
import { httpServer } from '../../support/http-server.ts'

interface Spent {
  readonly times: ActivityTimes
  /** What the partition was seen to do. */
  readonly seen: ReadonlySet<Activity>
}

/** What the only partition of a query spends its time on. */
async function spent(query: Pick<StreamingQuery, 'start'>): Promise<Spent> {
  const seen = new Set<Activity>()
  const run = query.start()
  let figures: (() => { readonly activity: Activity; readonly activityMs: ActivityTimes }) | undefined
  run.events$.subscribe((event) => {
    if (event.type === 'partition-started') figures = event.figures
  })
  const timer = setInterval(() => figures && seen.add(figures().activity), 10)
  try {
    await lastValueFrom(run.progress$, { defaultValue: undefined })
    await run.terminated
  } finally {
    clearInterval(timer)
  }
  if (figures === undefined) throw new Error('no partition was started')
  return { times: figures().activityMs, seen }
}

const id = schema('id int not null')
const one = { name: 'one', reader: () => ({ partitions: () => [0], read: () => [[{ id: 1 }]] }) }

/** Three pages of a source, whose second answer may be another one first. */
async function fetching(
  options: ClientOptions,
  second: { status: number; headers?: Record<string, string> } | undefined,
) {
  await using server = await httpServer({
    '/rows': ({ number, query }) =>
      number === 2 && second !== undefined
        ? { body: '', ...second }
        : { body: Number(query.get('page')) > 3 ? [] : [{ id: Number(query.get('page')) }] },
  })
  const source = rest({
    url: `${server.url}/rows`,
    schema: id,
    pagination: pageNumber({ page: 'page', from: 1 }),
    partitions: byItems(['all']),
    ...options,
  })
  return await spent(read(source).write(memorySink(), { retry: { maxAttempts: 1 } }))
}

const once = { random: () => 1, initialDelayMs: 300 } as const

describe('the time of a partition that reads an API', () => {
  it('is the quota’s while the budget has no room', async () => {
    const { times, seen } = await fetching({ budget: requestBudget({ requests: 1, per: 300, margin: 0 }) }, undefined)
    // Four requests; what a slow answer takes is waited for no more.
    expect(times.quota + times.fetch).toBeGreaterThan(850)
    expect(times.quota).toBeGreaterThan(100)
    expect(seen).toContain('quota')
  })

  it('is the quota’s while the API wants to be left alone', async () => {
    const { times } = await fetching({}, { status: 429, headers: { 'retry-after': '1' } })
    expect(times.quota).toBeGreaterThan(900)
    expect(times.backoff).toBe(0)
  })

  it('is the backoff’s before a further attempt', async () => {
    const { times, seen } = await fetching({ retry: once }, { status: 503 })
    expect(times.backoff).toBeGreaterThan(250)
    expect(times.quota).toBe(0)
    expect(seen).toContain('backoff')
  })

  it('is nothing else’s where nobody waits', async () => {
    const { times } = await fetching({}, undefined)
    expect([times.quota, times.backoff, times.breaker]).toEqual([0, 0, 0])
  })
})

describe('the time of a partition that writes to an API', () => {
  const delivering = async (
    options: ClientOptions & { breaker?: object },
    bad: { status: number; headers?: Record<string, string> },
    most = 1,
  ) => {
    await using server = await httpServer({
      '*': ({ number }) => (number <= most ? { body: '', ...bad } : { body: '' }),
    })
    const sink = httpSink({ url: server.url, ...options })
    return await spent(read(one).write(sink as never, { retry: { maxAttempts: 1 } }))
  }

  it('is the backoff’s before a further attempt', async () => {
    const { times, seen } = await delivering({ retry: once }, { status: 503 })
    expect(times.backoff).toBeGreaterThan(250)
    expect(seen).toContain('backoff')
  })

  it('is the quota’s while the receiver wants to be left alone', async () => {
    const { times } = await delivering({}, { status: 429, headers: { 'retry-after': '1' } })
    expect(times.quota).toBeGreaterThan(900)
  })

  it('is the breaker’s while the circuit is open', async () => {
    const { times, seen } = await delivering(
      { breaker: { failures: 1, openFor: 300 }, retry: { initialDelayMs: 1 } },
      { status: 503 },
      2,
    )
    expect(times.breaker).toBeGreaterThan(550)
    expect(times.backoff).toBeLessThan(times.breaker)
    expect(seen).toContain('breaker')
  })
})

describe('requests side by side', () => {
  it('wait when all of them do', async () => {
    const told: unknown[] = []
    const waits = new Waits(({ waiting }) => told.push(waiting))
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const both = [waits.during(() => first.promise), waits.during(() => second.promise)]
    const overFirst = waits.begin('backoff')
    expect(told).toEqual([])
    const overSecond = waits.begin('quota')
    expect(told).toEqual(['backoff'])
    overFirst()
    overFirst()
    expect(told).toEqual(['backoff', 'nothing'])
    first.resolve()
    await both[0]
    expect(told).toEqual(['backoff', 'nothing', 'quota'])
    overSecond()
    second.reject(new Error('lost'))
    await expect(both[1]).rejects.toThrow('lost')
    expect(told).toEqual(['backoff', 'nothing', 'quota', 'nothing'])
  })
})
