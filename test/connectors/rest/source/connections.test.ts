import { describe, expect, it } from 'vitest'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { byItems } from '../../../../src/connectors/rest/source/by-items.ts'
import { byParent } from '../../../../src/connectors/rest/source/by-parent.ts'
import { rest } from '../../../../src/connectors/rest/source/rest.ts'
import { schema } from '../../../../src/schema.ts'
import { httpServer, type Route } from '../../../support/http-server.ts'
import { streamed } from './run.ts'

const rows = 400
/** Long enough that an answer doesn't fit into what lies between server and client. */
const filler = 'x'.repeat(2_000)
const item = schema('list string, id int not null, at timestamp not null')
const timeout = '10 seconds'

/** Of a time the end of what is there is known without asking for it all. */
const cursor = { field: 'at', key: 'id', param: 'since', format: 'milliseconds' } as const
const at = (id: number): string => new Date(id).toISOString()

/** Rows with a time of at least `since`, all in one answer; or half of them, and then the others. */
const large =
  (paged = false): Route =>
  ({ query }) => {
    const [since, page] = [Number(query.get('since') ?? 0), Number(query.get('page') ?? 0)]
    const found = Array.from({ length: rows }, (_, id) => ({ id, at: at(id), filler })).filter(({ id }) => id >= since)
    // The first page is small, so that the second is asked for ahead.
    const items = paged ? (page === 0 ? found.slice(0, 5) : found.slice(5)) : found
    return { body: { items, next: paged && page === 0 ? 1 : null } }
  }

describe('answers that arrive at the pace at which they are read', () => {
  describe.each([1, 2, 3])('over %i connections', (connections) => {
    it.each([false, true])('do not keep the other items of a list waiting (asked for ahead: %s)', async (paged) => {
      await using server = await httpServer({ '*': large(paged) })
      const lists = ['a', 'b', 'c', 'd', 'e']
      const source = rest({
        url: `${server.url}/{list}`,
        schema: item,
        records: 'items',
        pagination: cursorPagination({ param: 'page', next: 'next' }),
        bufferBytes: 20_000,
        cursor,
        partitions: byItems(lists, { key: 'list' }),
        connections,
        timeout,
        retry: { maxAttempts: 1 },
      })
      const sink = await streamed(source, { limit: { maxRows: 500 } })
      const found = sink.rows.map(({ list, id }) => `${list} ${id}`)
      expect(found).toHaveLength(lists.length * rows)
      expect(new Set(found).size).toBe(found.length)
    })

    it('do not keep children waiting for their parents', async () => {
      await using server = await httpServer({
        '/parents': large(),
        '*': ({ path }) => ({ body: [{ id: Number(path.slice(1)), at: at(0) }] }),
      })
      const source = rest({
        url: `${server.url}/{id}`,
        schema: item,
        pagination: singlePage(),
        partitions: byParent({
          url: `${server.url}/parents`,
          schema: schema('id int not null, at timestamp not null'),
          records: 'items',
          pagination: singlePage(),
          bufferBytes: 20_000,
          cursor,
        }),
        connections,
        timeout,
        retry: { maxAttempts: 1 },
      })
      const sink = await streamed(source, { limit: { maxRows: 150 } })
      expect(sink.rows.map(({ id }) => id)).toEqual(Array.from({ length: rows }, (_, id) => id))
    })
  })

  it('are not asked for again from batch to batch where there are connections enough', async () => {
    await using server = await httpServer({ '*': large() })
    const source = rest({
      url: `${server.url}/all`,
      schema: item,
      records: 'items',
      pagination: singlePage(),
      bufferBytes: 20_000,
      cursor,
    })
    const sink = await streamed(source, { limit: { maxRows: 50 } })
    expect(sink.rows).toHaveLength(rows)
    // All of it, and then whether there is more.
    expect(server.requests.map(({ url }) => url)).toEqual(['/all', '/all?since=398'])
  })
})
