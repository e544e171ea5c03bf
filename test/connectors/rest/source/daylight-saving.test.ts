import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { byTime } from '../../../../src/connectors/rest/source/by-time.ts'
import { rest } from '../../../../src/connectors/rest/source/rest.ts'
import { type RowOf, schema } from '../../../../src/schema.ts'
import { httpServer } from '../../../support/http-server.ts'
import { batched, streamed } from './run.ts'

const table = schema('id int not null, at timestamp not null')
const minute = 60_000

/** What the clocks of Berlin show: the runtime's own database, and nothing of ours. */
const berlin = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Berlin', dateStyle: 'short', timeStyle: 'medium' })

describe.each([
  // The first instant with other clocks.
  ['forward', Date.UTC(2026, 2, 29, 1), 0],
  ['back', Date.UTC(2026, 9, 25, 1), 60],
])('windows of time over the night in which clocks are set %s', (_, change, ambiguous) => {
  const [from, to] = [change - 180 * minute, change + 180 * minute]
  const events = Array.from({ length: 360 }, (_, id) => ({ id, ms: from + id * minute }))

  const read = async (way: 'batch' | 'stream') => {
    await using server = await httpServer({
      '/events': ({ query }) => {
        const [start, end] = [Date.parse(query.get('start') ?? ''), Date.parse(query.get('end') ?? '')]
        const found = events.filter(({ ms }) => ms >= start && ms < end)
        const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))]
        return { body: found.slice(offset, offset + limit).map(({ id, ms }) => ({ id, at: berlin.format(ms) })) }
      },
    })
    const source = rest({
      url: `${server.url}/events`,
      schema: table,
      timeZone: 'Europe/Berlin',
      pagination: offsetLimit({ size: 7 }),
      partitions: byTime({
        params: { from: 'start', to: 'end' },
        from: new Date(from).toISOString(),
        safetyLag: 0,
        head: () => to,
        partitionDuration: '25 minutes',
        maxWindow: '70 minutes',
      }),
    })
    if (way === 'batch') return (await batched(source)).rows
    const sink = memorySink<RowOf<typeof table>>()
    await streamed(source, { sink, checkpoint: memoryCheckpoint() })
    return sink.rows
  }

  it.each(['batch', 'stream'] as const)('as a %s: no event is lost, none is there twice', async (way) => {
    const rows = (await read(way)).toSorted((a, b) => a.id - b.id)
    expect(rows.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
    // Of a time that clocks show twice nobody knows which it was: it is taken for the first.
    const off = rows.filter(({ id, at }) => Number(at) !== events[id]?.ms)
    expect(off.map(({ id, at }) => (events[id]?.ms ?? 0) - Number(at))).toEqual(
      Array.from({ length: ambiguous }, () => 60 * minute),
    )
  })
})
