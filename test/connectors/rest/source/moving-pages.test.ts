import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { automatic } from '../../../../src/connectors/rest/pagination/automatic.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import type { Pagination } from '../../../../src/connectors/rest/pagination/types.ts'
import { type RestStream, restSource } from '../../../../src/connectors/rest/source/rest-source.ts'
import { schema } from '../../../../src/schema.ts'
import { type Api, fakeClient } from './fake-client.ts'
import { streamed } from './run.ts'

interface Row {
  id: number
  at: Date
}

const event = schema('id int not null, at timestamp not null')
const noon = Date.UTC(2026, 0, 1, 12)
const paginations: Readonly<Record<string, () => Pagination>> = {
  offset: () => offsetLimit(),
  'offset and total': () => offsetLimit({ size: 3, total: 'total' }),
  page: () => pageNumber(),
  'page and total': () => pageNumber({ total: 'total' }),
  automatic: () => automatic(),
}

/** What happens when a request has come in: a row takes the greatest time, goes, or appears; or the process dies of it. */
const events = fc.array(
  fc.record({
    request: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('change', 'remove', 'add', 'die'),
    row: fc.nat(30),
    /** Whether time goes on, or the row ties with the last one. */
    step: fc.nat(1),
  }),
  { maxLength: 12 },
)

describe.each(Object.entries(paginations))('pages that move, by %s', (_name, make) => {
  it('lose no row and repeat none, whatever changes while they are read, and whenever the process dies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 25 }),
        events,
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 9 }),
        async (times, happenings, pageSize, maxRows) => {
          const rows = times.map((time, id): Row => ({ id, at: new Date(noon + time * 1_000) }))
          let [head, count] = [noon + 4_000, 0]
          const happen = (): void => {
            for (const { request, kind, row, step } of happenings) {
              if (request !== count) continue
              head += step * 1_000
              if (kind === 'die') throw new Error('dead')
              if (kind === 'add') rows.push({ id: 1_000 + rows.length + count * 100, at: new Date(head) })
              const at = row % Math.max(1, rows.length)
              const [chosen] = kind === 'add' ? [] : rows.splice(at, 1)
              if (kind === 'change' && chosen !== undefined) rows.push({ id: chosen.id, at: new Date(head) })
            }
          }
          const api: Api = ({ query }) => {
            count++
            happen()
            const found = rows
              .filter(({ at }) => query.since === undefined || Number(at) >= Date.parse(query.since))
              .sort((a, b) => Number(a.at) - Number(b.at) || a.id - b.id)
            const first = Number(query.offset ?? (Number(query.page ?? 1) - 1) * pageSize)
            const size = Number(query.limit ?? pageSize)
            const items = found.slice(first, first + size).map(({ id, at }) => ({ id, at: at.toISOString() }))
            return { body: { items, total: found.length, offset: first } }
          }
          const source = () =>
            restSource(
              {
                url: 'http://api/items',
                schema: event,
                records: 'items',
                pagination: make(),
                allowEqualPages: true,
                cursor: { field: 'at', key: 'id', param: 'since' },
              },
              () => fakeClient(api),
            ) as RestStream<Row>
          const [checkpoint, sink] = [memoryCheckpoint(), memorySink<Row>()]
          // Once more after all has happened, for what came behind the last batch.
          for (let run = 0, ended = 0; ended < 2; run++) {
            if (run > 60) throw new Error('it does not end')
            try {
              await streamed(source(), { checkpoint, sink, limit: { maxRows } })
              if (count < 41) count = 41
              ended++
            } catch (error) {
              if (!String(error).includes('dead')) throw error
            }
          }
          const read = sink.rows.map(({ id, at }) => `${id} ${Number(at)}`)
          expect(new Set(read).size).toBe(read.length)
          for (const { id, at } of rows) expect(read).toContain(`${id} ${Number(at)}`)
        },
      ),
      { numRuns: 30 },
    )
  })
})
