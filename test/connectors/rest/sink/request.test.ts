import { describe, expect, it } from 'vitest'
import { type HttpSinkOptions, httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import { requestOf, type Slice } from '../../../../src/connectors/rest/sink/request.ts'
import { RowError } from '../../../../src/errors.ts'
import { idempotencyKey } from '../../../../src/idempotency.ts'

interface Row {
  readonly id: number | null
}

const url = 'http://127.0.0.1/rows'
const rows = [{ id: 5 }, { id: 6 }, { id: 7 }]

function made(
  options: Partial<HttpSinkOptions<Row>>,
  slice: Slice<Row> = { first: 10, rows },
  round = 0,
  certain = true,
) {
  const at = { queryId: 'q', sinkId: 'main', batchId: 3, partitionId: 2 }
  const context = {
    idempotencyKey: (firstOrdinal: number, count: number, given?: readonly object[]) =>
      idempotencyKey({ ...at, firstOrdinal, count }, certain ? undefined : { rows: given }),
  }
  const request = requestOf(httpSinkSettings({ url, ...options }), slice, context, round)
  if ('unfit' in request) throw new Error(`row ${request.unfit}: ${request.reason}`)
  return request
}

const keyIn = (...given: Parameters<typeof made>) => made(...given).request.headers?.['Idempotency-Key']

describe('requestOf', () => {
  it('says what the options say, and counts the bytes of the body', () => {
    const options = { method: 'PUT', headers: { 'x-team': 'a' }, params: { v: 2 }, row: () => 'ä' }
    expect(made(options)).toEqual({
      request: {
        method: 'PUT',
        url,
        params: { v: 2 },
        headers: { 'x-team': 'a', 'Idempotency-Key': 'q/main/3/2/10/3' },
        body: { text: '["ä","ä","ä"]', contentType: 'application/json' },
      },
      bytes: 16,
    })
  })

  it('names a request by where its rows stand, and rows that were put off by how often as well', () => {
    expect(keyIn({})).toBe('q/main/3/2/10/3')
    expect(keyIn({}, { first: 11, rows: rows.slice(1) })).toBe('q/main/3/2/11/2')
    expect(keyIn({}, { first: 10, rows }, 2)).toBe('q/main/3/2/10/3/again-2')
    expect(keyIn({ idempotency: { header: 'Idempotency-Key' } })).toBe('q/main/3/2/10/3')
  })

  it('joins the content where a replay may bring other rows', () => {
    const key = (given: readonly Row[]) => keyIn({}, { first: 10, rows: given }, 0, false)
    expect(key(rows)).toMatch(/^q\/main\/3\/2\/10\/3\/[0-9a-f]{32}$/)
    expect(key([...rows])).toBe(key(rows))
    expect(key([{ id: 8 }, ...rows.slice(1)])).not.toBe(key(rows))
  })

  it('takes another header, and none for a natural key or without idempotency', () => {
    expect(made({ idempotency: { header: 'X-Once' } }).request.headers).toEqual({ 'X-Once': 'q/main/3/2/10/3' })
    expect(made({ idempotency: { key: 'id' } }).request.headers).toEqual({})
    expect(made({ idempotency: 'none' }).request.headers).toEqual({})
  })

  it('gives each row of a list a key of its own, the same in whatever request it goes', () => {
    const options: Partial<HttpSinkOptions<Row>> = { idempotency: { field: 'once' } }
    const keysIn = (request: ReturnType<typeof made>) =>
      (JSON.parse((request.request.body as { text: string }).text) as { once: string }[]).map(({ once }) => once)
    expect(made(options).request.headers).toEqual({})
    expect(keysIn(made(options))).toEqual(['q/main/3/2/10/1', 'q/main/3/2/11/1', 'q/main/3/2/12/1'])
    expect(keysIn(made(options, { first: 11, rows: rows.slice(1) }, 4))).toEqual(['q/main/3/2/11/1', 'q/main/3/2/12/1'])
    const [uncertain] = keysIn(made(options, { first: 10, rows }, 0, false))
    expect(uncertain).toBe(keyIn({}, { first: 10, rows: rows.slice(0, 1) }, 0, false))
  })

  it('gives an object the key of the request', () => {
    const slice = { first: 12, rows: rows.slice(2) }
    const text = { text: '{"id":7,"once":"q/main/3/2/12/1/again-1"}' }
    const options: Partial<HttpSinkOptions<Row>> = { format: 'single', idempotency: { field: 'once' } }
    expect(made(options, slice, 1).request.body).toMatchObject(text)
  })

  it('is filled by the row, not by what is sent', () => {
    const slice = { first: 0, rows: [{ id: 7 }] }
    const options: Partial<HttpSinkOptions<Row>> = { url: `${url}/{id}`, format: 'single', row: () => ({ id: 'x' }) }
    expect(made(options, slice).request.url).toBe(`${url}/7`)
  })

  it.each<[string, Partial<HttpSinkOptions<Row>>, readonly Row[], RegExp]>([
    [
      'has no key',
      { idempotency: { key: 'id' } },
      [{ id: 1 }, { id: null }],
      /^row 1: column "id", its key, is empty$/,
    ],
    ['lacks its key', { idempotency: { key: 'id' } }, [{} as Row], /^row 0: column "id", its key/],
    ['can not be written', {}, [{ id: 1 }, { id: Number.NaN }], /^row 1: "id" holds NaN/],
    ['names no place', { url: `${url}/{id}`, format: 'single' }, [{ id: null }], /^row 0: column "id" names no place/],
  ])('tells which row %s', (_, options, given, message) => {
    expect(() => made(options, { first: 10, rows: given })).toThrow(message)
  })
  it('blames no row for what row and envelope do', () => {
    const refuse = () => {
      throw new RowError('of your own')
    }
    expect(() => made({ row: refuse })).toThrow(/^of your own$/)
    expect(() => made({ envelope: (items) => ({ items, total: Number.NaN }) })).toThrow(/^"total" holds NaN/)
  })
})
