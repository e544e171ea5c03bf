import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { type MemorySink, memorySink } from '../../../../src/connectors/memory/sink.ts'
import type { HttpClient } from '../../../../src/connectors/rest/http/types.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { byIds } from '../../../../src/connectors/rest/source/by-ids.ts'
import { byItems } from '../../../../src/connectors/rest/source/by-items.ts'
import { byParent } from '../../../../src/connectors/rest/source/by-parent.ts'
import { byTime } from '../../../../src/connectors/rest/source/by-time.ts'
import { type RestStream, restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { schema } from '../../../../src/schema.ts'
import type { StreamWriter } from '../../../../src/sink.ts'
import { type Api, fakeClient } from './fake-client.ts'
import { streamed } from './run.ts'

const noon = Date.UTC(2026, 0, 1, 12)
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()

/** Lives until an effect, counted from 1 over all processes, then nothing that it does has an effect any more. */
class Processes {
  readonly #deaths: readonly number[]
  effects = 0
  #dead = false

  constructor(deaths: readonly number[]) {
    this.#deaths = deaths
  }

  start(): void {
    this.#dead = false
  }

  /** What is done, and whether the process dies of it, before or after. */
  do<T>(apply: () => T): T {
    if (this.#dead) throw new Error('dead')
    this.#dieAt(++this.effects)
    const result = apply()
    this.#dieAt(++this.effects)
    return result
  }

  #dieAt(effect: number): void {
    if (!this.#deaths.includes(effect)) return
    this.#dead = true
    throw new Error(`died at effect ${effect}`)
  }

  get died(): boolean {
    return this.#dead
  }
}

interface Scenario<Row extends object> {
  readonly source: (client: HttpClient) => RestStream<Row>
  readonly api: Api
  readonly maxRows: number
  readonly idOf: (row: Row) => string
  readonly expected: readonly string[]
  /** Between one process and the next. */
  readonly meanwhile?: (process: number) => void
}

/** Runs to the end, over as many processes as die. @returns what reached the sink. */
async function runThrough<Row extends object>(scenario: Scenario<Row>, deaths: readonly number[]) {
  const processes = new Processes(deaths)
  const [checkpoint, sink] = [memoryCheckpoint(), memorySink<Row>()]
  for (let process = 0; ; process++) {
    processes.start()
    const client = fakeClient((asked, count) => processes.do(() => scenario.api(asked, count)))
    const mortal: MemorySink<Row> = { ...sink, streamWriter: () => mortalWriter(sink.streamWriter(), processes) }
    try {
      await streamed(scenario.source(client), { checkpoint, sink: mortal, limit: { maxRows: scenario.maxRows } })
      return { ids: sink.rows.map(scenario.idOf), effects: processes.effects }
    } catch (error) {
      if (!processes.died || process > deaths.length) throw error
      scenario.meanwhile?.(process)
    }
  }
}

function mortalWriter<Row extends object, Message>(
  writer: StreamWriter<Row, Message>,
  processes: Processes,
): StreamWriter<Row, Message> {
  return {
    ...writer,
    open: (context) => processes.do(() => writer.open(context)),
    commit: (messages, batch) => processes.do(() => writer.commit(messages, batch)),
  }
}

/** Every place to die at; and pairs of places, of those that come second each `stride`-th. */
async function explore<Row extends object>(make: () => Scenario<Row>, stride = Infinity): Promise<void> {
  const check = async (deaths: readonly number[]): Promise<number> => {
    const scenario = make()
    const { ids, effects } = await runThrough(scenario, deaths)
    expect(ids.toSorted(), `died at ${deaths.join(', ')}`).toEqual(scenario.expected.toSorted())
    return effects
  }
  const effects = await check([])
  for (let first = 1; first <= effects; first++) {
    const after = await check([first])
    for (let second = first + 1 + (first % stride); second <= after; second += stride) await check([first, second])
  }
}

interface Event {
  id: string
  at: string
}

/** `at >= since ORDER BY at`, in pages of two. */
const byCursor =
  (events: readonly Event[]): Api =>
  ({ query }) => {
    const found = events
      .filter(({ at }) => at >= (query.since ?? ''))
      .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    const first = Number(query.offset ?? 0)
    return { body: found.slice(first, first + 2) }
  }
const event = schema('id string not null, at timestamp not null')
const cursor = { field: 'at', key: 'id', param: 'since' } as const
const url = 'http://api/events'

describe('a process that dies at any moment loses nothing and repeats nothing', () => {
  it('with a cursor: five rows of one time over pages and batches', async () => {
    await explore(
      () => ({
        source: (client) =>
          restSource({ url, schema: event, pagination: offsetLimit(), cursor }, () => client) as RestStream<{
            id: string
            at: Date
          }>,
        api: byCursor(['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, at: iso(0) }))),
        maxRows: 2,
        idOf: ({ id }) => id,
        expected: ['a', 'b', 'c', 'd', 'e'],
      }),
      9,
    )
  })

  it('with a cursor that looks back, while rows arrive at the boundary and late', async () => {
    await explore(() => {
      const events: Event[] = [
        { id: 'a', at: iso(0) },
        { id: 'b', at: iso(5) },
        { id: 'c', at: iso(5) },
      ]
      const expected = ['a', 'b', 'c', 'x0', 'x1', 'y0', 'y1']
      return {
        source: (client) =>
          restSource(
            { url, schema: event, pagination: offsetLimit(), cursor: { ...cursor, lookback: '10 seconds' } },
            () => client,
          ) as RestStream<{ id: string; at: Date }>,
        // What arrives does so with the first requests, whichever process makes them.
        api: (asked, count) => {
          for (const n of [0, 1]) {
            if (events.some(({ id }) => id === `x${n}`) || (count < n + 2 && events.length < 5)) continue
            events.push({ id: `x${n}`, at: iso(5) }, { id: `y${n}`, at: iso(n + 1) })
          }
          return byCursor(events)(asked, count)
        },
        maxRows: 2,
        idOf: ({ id }) => id,
        expected,
      }
    })
  })

  it('with ranges of ids', async () => {
    const record = schema('id int not null')
    const ids = [0, 1, 4, 5, 6]
    await explore(() => ({
      source: (client) =>
        restSource(
          {
            url,
            schema: record,
            pagination: singlePage(),
            partitions: byIds({ params: { from: 'from', to: 'to' }, max: { url: `${url}/max`, value: 'max' }, cut: 2 }),
          },
          () => client,
        ) as RestStream<{ id: number }>,
      api: ({ path, query }) =>
        path.endsWith('max')
          ? { body: { max: 6 } }
          : { body: ids.filter((id) => id >= Number(query.from) && id < Number(query.to)).map((id) => ({ id })) },
      maxRows: 4,
      idOf: ({ id }) => String(id),
      expected: ids.map(String),
    }))
  })

  it('with windows that are halved', async () => {
    const events = [0, 1, 2, 10, 11].map((at, n) => ({ id: `${n}`, at: iso(at) }))
    await explore(() => {
      let now = noon + 12_000
      return {
        source: (client) =>
          restSource(
            {
              url,
              schema: event,
              pagination: singlePage(),
              partitions: byTime({
                params: { from: 'from', to: 'to' },
                from: iso(0),
                safetyLag: 0,
                maxWindow: '8 seconds',
                head: () => now,
              }),
            },
            () => client,
          ) as RestStream<{ id: string; at: Date }>,
        api: ({ query }) => {
          const found = events.filter(({ at }) => at >= (query.from ?? '') && at < (query.to ?? ''))
          return found.length > 1 ? { status: 413, body: '' } : { body: found }
        },
        maxRows: 100,
        idOf: ({ id }) => id,
        expected: events.map(({ id }) => id),
        meanwhile: () => {
          now += 1_500
        },
      }
    })
  })

  it('with a cursor for each item of a list', async () => {
    const reading = schema('station string not null, id string not null, at timestamp not null')
    const stations: Record<string, Event[]> = {
      a: ['1', '2', '3'].map((id) => ({ id, at: iso(0) })),
      b: [{ id: '1', at: iso(3) }],
    }
    await explore(
      () => ({
        source: (client) =>
          restSource(
            {
              url: 'http://api/{station}',
              schema: reading,
              pagination: offsetLimit(),
              cursor,
              partitions: byItems(['a', 'b'], { key: 'station' }),
            },
            () => client,
          ) as RestStream<{ station: string; id: string; at: Date }>,
        api: (asked, count) => byCursor(stations[asked.path.slice(1)] ?? [])(asked, count),
        maxRows: 2,
        idOf: ({ station, id }) => `${station}${id}`,
        expected: ['a1', 'a2', 'a3', 'b1'],
      }),
      Infinity,
    )
  })

  it('with the children of parents', async () => {
    const child = schema('id string not null, no int not null')
    const parents = ['1', '2', '3'].map((id) => ({ id, at: iso(0) }))
    await explore(
      () => ({
        source: (client) =>
          restSource(
            {
              url: 'http://api/{id}',
              schema: child,
              pagination: singlePage(),
              partitions: byParent({
                url: 'http://api/all',
                schema: event,
                pagination: offsetLimit(),
                cursor,
                cut: { size: 1 },
              }),
            },
            () => client,
          ) as RestStream<{ id: string; no: number }>,
        api: (asked, count) =>
          asked.path === '/all' ? byCursor(parents)(asked, count) : { body: [{ no: 0 }, { no: 1 }] },
        maxRows: 2,
        idOf: ({ id, no }) => `${id}.${no}`,
        expected: ['1.0', '1.1', '2.0', '2.1', '3.0', '3.1'],
      }),
      Infinity,
    )
  })
})
