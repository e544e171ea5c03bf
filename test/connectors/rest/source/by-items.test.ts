import { lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { byIds } from '../../../../src/connectors/rest/source/by-ids.ts'
import { byItems } from '../../../../src/connectors/rest/source/by-items.ts'
import { byTime } from '../../../../src/connectors/rest/source/by-time.ts'
import type { ListItem } from '../../../../src/connectors/rest/source/listed.ts'
import { type RestOffset, restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { OptionError } from '../../../../src/errors.ts'
import { fromCommand, fromResult, type Result } from '../../../../src/result.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import { readAllAvailable } from '../../../../src/source.ts'
import { type Api, fakeClient } from './fake-client.ts'
import { batched, streamed } from './run.ts'

const reading = schema('station string not null, at timestamp not null, value int not null')
type Reading = RowOf<typeof reading>
interface Measured {
  readonly at: string
  readonly value: number
}

const noon = Date.UTC(2026, 0, 1, 12)
const iso = (seconds: number): string => new Date(noon + seconds * 1_000).toISOString()
const measured = (seconds: number, value: number): Measured => ({ at: iso(seconds), value })
const shown = (rows: readonly Reading[]): string[] => rows.map(({ station, value }) => `${station}${value}`)

const url = 'http://api/stations/{station}/readings'
/** Without a cap one run goes over all pages, which don't move here. */
const cursor = { field: 'at', key: 'value', param: 'since', cap: Infinity } as const

/** `/stations/:station/readings?since=`, two rows a page. */
const api =
  (stations: Readonly<Record<string, readonly Measured[]>>): Api =>
  ({ path, query }) => {
    const rows = stations[decodeURIComponent(path.split('/')[2] ?? '')]
    if (rows === undefined) return { status: 404, body: '' }
    const found = rows.filter(({ at }) => at >= (query.since ?? ''))
    const first = Number(query.offset ?? 0)
    return { body: found.slice(first, first + 2) }
  }

const source = (
  list: readonly ListItem[] | (() => readonly ListItem[]),
  stations: Readonly<Record<string, readonly Measured[]>> | Api,
) => {
  const client = fakeClient(typeof stations === 'function' ? stations : api(stations))
  const made = restSource(
    {
      url,
      schema: reading,
      pagination: offsetLimit(),
      cursor,
      partitions: byItems(list, { key: 'station' }),
    },
    () => client,
  ) as Required<ReturnType<typeof restSource<Reading, never>>>
  return Object.assign(made, { client })
}

describe('byItems as a batch', () => {
  it('reads each item by itself, and fills columns that the rows lack from it', async () => {
    const client = fakeClient(api({ a: [measured(0, 1)], 'b/c': [measured(0, 2), measured(1, 3)] }))
    const made = restSource(
      { url, schema: reading, pagination: singlePage(), partitions: byItems(['a', 'b/c'], { key: 'station' }) },
      () => client,
    )
    expect(shown((await batched(made)).rows)).toEqual(['a1', 'b/c2', 'b/c3'])
    expect(made.streamReader).toBeUndefined()
    const slices = await made.reader().partitions()
    expect(made.reader().partitionKey?.({ of: { station: 'a' } })).toBe('a')
    expect(slices).toBeDefined()
  })

  it('fills URL, parameters and body from the fields of an item, and gives them to the function that makes rows', async () => {
    const client = fakeClient(({ query, request }) => ({ body: [{ query, sent: request.body }] }))
    const found = schema('station string not null, asked string not null')
    const stations = [
      { station: 'oslo', lat: 59.91, north: true },
      { station: 'rome', lat: 41.89, north: false },
    ]
    const made = restSource(
      {
        url: 'http://api/{station}',
        method: 'POST',
        params: { latitude: '{lat}', other: '{other}' },
        body: { json: { where: ['{station}', { north: '{north}', n: 1 }] } },
        schema: found,
        pagination: singlePage(),
        row: (item: object, { station }) => ({ station: String(station), asked: JSON.stringify(item) }),
        partitions: byItems(stations, { key: 'station' }),
      },
      () => client,
    )
    expect((await batched(made)).rows.map(({ asked }) => JSON.parse(asked))).toEqual([
      {
        query: { latitude: '59.91', other: '{other}' },
        sent: { json: { where: ['oslo', { north: 'true', n: 1 }] } },
      },
      {
        query: { latitude: '41.89', other: '{other}' },
        sent: { json: { where: ['rome', { north: 'false', n: 1 }] } },
      },
    ])
    expect(client.asked.map(({ path }) => path)).toEqual(['/oslo', '/rome'])
  })

  it('fails as a whole when one item does, and loses nothing', async () => {
    let broken = true
    const stations = { a: [measured(0, 1)], b: [measured(0, 2)] }
    const client = fakeClient((asked, count) =>
      asked.path.includes('/b/') && broken ? { status: 500, body: '' } : api(stations)(asked, count),
    )
    const made = restSource(
      { url, schema: reading, pagination: singlePage(), partitions: byItems(['a', 'b'], { key: 'station' }) },
      () => client,
    )
    await expect(batched(made)).rejects.toThrow('500 from http://api/stations/b/readings')
    broken = false
    expect(shown((await batched(made)).rows)).toEqual(['a1', 'b2'])
  })

  it.each(['..', '.', ''])('does not let an item (%j) lead to another place', async (station) => {
    const client = fakeClient(() => ({ body: [] }))
    const make = (list: readonly ListItem[] | (() => readonly ListItem[])) =>
      restSource(
        { url, schema: reading, pagination: singlePage(), partitions: byItems(list, { key: 'id' }) },
        () => client,
      )
    expect(() => make([{ id: 'x', station }])).toThrow("can't stand for {station} in a URL")
    await expect(batched(make(() => [{ id: 'x', station }]))).rejects.toThrow("can't stand for {station} in a URL")
    expect(client.asked).toEqual([])
  })
})

describe('byItems as a stream', () => {
  it('has a position for each item', async () => {
    const stations = { a: [measured(0, 1), measured(1, 2), measured(2, 3)], b: [measured(9, 1)] }
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Reading>()
    const made = source(['a', 'b'], stations)
    await streamed(made, { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'a2', 'a3', 'b1'])
    stations.a.push(measured(2, 4))
    await streamed(source(['a', 'b'], stations), { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'a2', 'a3', 'b1', 'a4'])
  })

  it('shares the limit over the items, fetches each row once, and keeps no more than that', async () => {
    const names = ['a', 'b', 'c', 'd']
    const stations = Object.fromEntries(
      names.map((name) => [name, Array.from({ length: 11 }, (_, n) => measured(n, n))]),
    )
    const made = source(names, stations)
    const sink = await streamed(made, { limit: { maxRows: 10 } })
    expect(shown(sink.rows).toSorted()).toEqual(
      names.flatMap((name) => Array.from({ length: 11 }, (_, n) => `${name}${n}`)).toSorted(),
    )
    for (const rows of sink.batches.values()) expect(rows.length).toBeLessThanOrEqual(10)
    const pages = made.client.asked.filter(({ query }) => query.since === undefined)
    // Six pages with rows and the empty one that ends them, of each station.
    expect(pages).toHaveLength(4 * 7)
    expect(new Set(pages.map(({ path, query }) => `${path} ${query.offset}`)).size).toBe(4 * 7)
  })

  it('fetches of each item its share of a batch, and one page ahead', async () => {
    const names = ['a', 'b', 'c', 'd']
    const stations = Object.fromEntries(
      names.map((name) => [name, Array.from({ length: 40 }, (_, n) => measured(n, n))]),
    )
    const made = source(names, stations)
    const reader = made.streamReader()
    const ask = <T>(call: () => Result<T>): Promise<T> => lastValueFrom(fromResult('port', call))
    const start = await ask(() => reader.initialOffset())
    const end = await ask(() => reader.latestOffset(start, { ...readAllAvailable, maxRows: 8 }))
    expect(made.client.asked).toHaveLength(4 * 2)
    const partitions = await ask(() => reader.partitions(start, end))
    const read = async () => {
      const rows: Reading[] = []
      for (const partition of partitions) {
        const chunks = reader.read(partition, { signal: new AbortController().signal } as never)
        for await (const chunk of chunks as AsyncIterable<readonly Reading[]>) rows.push(...chunk)
      }
      return shown(rows)
    }
    expect(await read()).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1', 'd0', 'd1'])
    expect(made.client.asked).toHaveLength(4 * 2)
    // What is committed is forgotten, of every item.
    await lastValueFrom(fromCommand(() => reader.commit?.(end)))
    expect(await read()).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1', 'd0', 'd1'])
    expect(made.client.asked.length).toBeGreaterThanOrEqual(4 * 2 + 4)
  })

  it('ends what it keeps open of an item that is gone', async () => {
    const list = ['a', 'b']
    const stations = { a: Array.from({ length: 40 }, (_, n) => measured(n, n)), b: [] }
    const made = source(() => list, stations)
    const reader = made.streamReader()
    const latest = (start: object) =>
      lastValueFrom(
        fromResult('port', () => reader.latestOffset(start as RestOffset, { ...readAllAvailable, maxRows: 4 })),
      )
    const first = await latest({ a: {}, b: {} })
    const open = made.client.asked.find(({ path }) => path.includes('/a/'))?.signal
    expect(open?.aborted).toBe(false)
    list.shift()
    await latest(first)
    expect(open?.aborted).toBe(true)
  })

  it('goes on where it was when one item failed, and loses nothing', async () => {
    const stations = { a: [measured(0, 1)], b: [measured(0, 2)] }
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Reading>()
    let broken = true
    const failing: Api = (asked, count) =>
      asked.path.includes('/b/') && broken ? { status: 503, body: '' } : api(stations)(asked, count)
    const made = source(['a', 'b'], failing)
    await expect(streamed(made, { checkpoint, sink })).rejects.toThrow('503 from')
    expect(sink.rows).toEqual([])
    broken = false
    await streamed(made, { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'b2'])
  })

  it('takes up an item that joins the list, and keeps the position of one that is gone', async () => {
    const stations = { a: [measured(0, 1)], b: [measured(0, 2)] }
    const list = ['a']
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Reading>()
    const made = source(() => list, stations)
    await streamed(made, { checkpoint, sink })
    list.push('b')
    await streamed(made, { checkpoint, sink })
    await streamed(made, { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'b2'])
    list.shift()
    stations.a.push(measured(5, 3))
    await streamed(made, { checkpoint, sink })
    list.unshift('a')
    await streamed(made, { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'b2', 'a3'])
  })

  it('replays a batch with the items it was planned with', async () => {
    const stations = { a: [measured(0, 1)], b: [measured(0, 2)] }
    const checkpoint = memoryCheckpoint()
    const sink = memorySink<Reading>()
    const dying = {
      ...sink,
      streamWriter: () => ({
        ...sink.streamWriter(),
        open: () => {
          throw new Error('the process dies')
        },
      }),
    }
    await expect(streamed(source(['a', 'b'], stations), { checkpoint, sink: dying as never })).rejects.toThrow('dies')
    const other = source([], stations)
    await streamed(other, { checkpoint, sink })
    expect(shown(sink.rows)).toEqual(['a1', 'b2'])
  })

  it('cuts each item by windows or ids', async () => {
    const at = (from: string, to: string) => (row: Measured) => row.at >= from && row.at < to
    const stations: Record<string, Measured[]> = { a: [measured(0, 1), measured(40, 2)], b: [measured(1, 3)] }
    const client = fakeClient(({ path, query }) => ({
      body: (stations[path.split('/')[2] ?? ''] ?? []).filter(at(query.start ?? '', query.end ?? '')),
    }))
    const made = restSource(
      {
        url,
        schema: reading,
        pagination: singlePage(),
        partitions: byItems(['a', 'b'], {
          key: 'station',
          within: byTime({
            params: { from: 'start', to: 'end' },
            from: iso(0),
            safetyLag: 0,
            head: () => noon + 60_000,
            partitionDuration: '30 seconds',
            field: 'at',
          }),
        }),
      },
      () => client,
    ) as Required<ReturnType<typeof restSource<Reading, never>>>
    expect(shown((await streamed(made)).rows)).toEqual(['a1', 'a2', 'b3'])
    expect(client.asked).toHaveLength(4)
    expect(shown((await batched(made)).rows)).toEqual(['a1', 'a2', 'b3'])
  })

  it('asks for the range of ids of each item', async () => {
    const item = schema('account string not null, id int not null')
    const accounts: Record<string, number> = { a: 3, b: 5 }
    const client = fakeClient(({ path, query }) => {
      const greatest = accounts[path.split('/')[1] ?? ''] ?? 0
      if (path.endsWith('/last')) return { body: { id: greatest } }
      const ids = Array.from({ length: greatest + 1 }, (_, id) => ({ id }))
      return { body: ids.filter(({ id }) => id >= Number(query.from) && id < Number(query.to)) }
    })
    const made = restSource(
      {
        url: 'http://api/{account}/items',
        schema: item,
        pagination: singlePage(),
        partitions: byItems(['a', 'b'], {
          key: 'account',
          within: byIds({
            params: { from: 'from', to: 'to' },
            max: { url: 'http://api/{account}/last', value: 'id' },
            cut: 2,
          }),
        }),
      },
      () => client,
    ) as Required<ReturnType<typeof restSource<RowOf<typeof item>, never>>>
    const expected = ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2', 'b3', 'b4', 'b5']
    const shownItems = (rows: readonly RowOf<typeof item>[]) => rows.map(({ account, id }) => `${account}${id}`)
    expect(shownItems((await streamed(made)).rows)).toEqual(expected)
    expect(shownItems((await batched(made)).rows)).toEqual(expected)
  })
})

describe('mistakes with byItems', () => {
  const make = (over: object) => () =>
    restSource({ url, schema: reading, ...over } as never, () => fakeClient(() => ({ body: [] })))

  it.each<[() => unknown, string]>([
    [() => byItems('a' as never), 'byItems: option "items" must be a list'],
    [() => byItems(['a', 'a']), 'byItems: "a" is in the list twice'],
    [() => byItems([{ id: 'a' }]), 'byItems: item 0 has no "key" to name it'],
    [() => byItems(['a'], { kye: 'x' } as never), 'unknown option "kye"; did you mean "key"?'],
    [make({ partitions: byItems(['a'], { key: 'name' }) }), 'option "url" has {station}, and there are only name'],
    [make({}), 'option "url" has {station}, and nothing fills it; byItems and byParent do'],
    [
      make({
        cursor,
        partitions: byItems(['a'], { key: 'station', within: byIds({ params: { from: 'a', to: 'b' }, max: () => 1 }) }),
      }),
      'option "within" and the source\'s "cursor" exclude each other',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })

  it('a list that is none, when it is asked for', async () => {
    const bad = source((() => ['a', 'a']) as never, {})
    await expect(streamed(bad)).rejects.toThrow('"a" is in the list twice')
    const none = source((() => 'a') as never, {})
    await expect(streamed(none)).rejects.toThrow('must answer with a list of texts or of objects')
  })
})
