import { describe, expect, it } from 'vitest'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { pageEnd, received, requestAfter, rowsUrl } from './api.ts'

const base = { url: rowsUrl }
const count = (rows: number, total?: number) => pageEnd(total === undefined ? undefined : { total }, { count: rows })

describe('offsetLimit', () => {
  it('asks for an offset and a limit', () => {
    const pagination = offsetLimit({ size: 10 })
    expect(received(pagination.request(pagination.first, base)).query).toEqual({ offset: '0', limit: '10' })
    expect(requestAfter(pagination, count(10))?.query).toEqual({ offset: '10', limit: '10' })
  })

  it('puts them where the API wants them', () => {
    const pagination = offsetLimit({ offset: { body: 'from' }, limit: { header: 'x-limit' }, size: 10, from: 1 })
    expect(requestAfter(pagination, count(10))).toMatchObject({ json: { from: 11 }, headers: { 'x-limit': '10' } })
    const plain = offsetLimit({ offset: '_start', from: 0 })
    expect(requestAfter(plain, count(3))?.query).toEqual({ _start: '3' })
  })

  it('goes on by the rows that came, as an API may cap the size', () => {
    const pagination = offsetLimit({ size: 1_000 })
    expect(requestAfter(pagination, count(100))?.query).toEqual({ offset: '100', limit: '1000' })
    expect(requestAfter(pagination, count(0))).toBeUndefined()
  })

  it('goes on by the size, for an API that filters what it cut', () => {
    const pagination = offsetLimit({ size: 10, step: 'size', total: 'total' })
    expect(requestAfter(pagination, count(7, 30))?.query).toEqual({ offset: '10', limit: '10' })
    expect(requestAfter(pagination, count(0, 30))?.query).toEqual({ offset: '10', limit: '10' })
    expect(requestAfter(pagination, count(7, 10))).toBeUndefined()
  })

  it('takes a short page for the last one only when told to', () => {
    expect(requestAfter(offsetLimit({ size: 10 }), count(9))).toBeDefined()
    const pagination = offsetLimit({ size: 10, shortPageIsLast: true })
    expect(requestAfter(pagination, count(9))).toBeUndefined()
    expect(requestAfter(pagination, count(10))).toBeDefined()
  })

  it('ends at the total, in the body or in a header', () => {
    const pagination = offsetLimit({ size: 10, total: 'total' })
    expect(requestAfter(pagination, count(10, 11))).toBeDefined()
    expect(requestAfter(pagination, count(10, 10))).toBeUndefined()
    expect(requestAfter(pagination, count(0, 0))).toBeUndefined()
    const byHeader = offsetLimit({ size: 10, total: { header: 'X-Total-Count' } })
    expect(
      requestAfter(byHeader, pageEnd(undefined, { count: 10, headers: { 'x-total-count': '10' } })),
    ).toBeUndefined()
    expect(requestAfter(byHeader, pageEnd(undefined, { count: 10, headers: { 'x-total-count': '11' } }))).toBeDefined()
  })

  it('refuses an empty page where the total says that there is more: rows are hidden', () => {
    const pagination = offsetLimit({ size: 10, total: 'total' })
    expect(() => pagination.next({ offset: 10_000, limit: 10 }, count(0, 50_000))).toThrow(PortError)
    expect(() => pagination.next({ offset: 10_000, limit: 10 }, count(0, 50_000))).toThrow('expected 40000 more rows')
  })

  it.each([[{}], [{ total: null }], [{ total: 'many' }], [{ total: -1 }], [{ total: 1.5 }], [{ total: { value: 3 } }]])(
    'refuses %j as a total',
    (envelope) => {
      const pagination = offsetLimit({ size: 10, total: 'total' })
      expect(() => requestAfter(pagination, pageEnd(envelope))).toThrow('expected a count at total')
    },
  )

  it('lists the other pages, cut as the first one was', () => {
    const pagination = offsetLimit({ size: 10, total: 'total' })
    expect(pagination.rest?.(count(10, 25))).toEqual([
      { offset: 10, limit: 10 },
      { offset: 20, limit: 5 },
    ])
    // The API gives four at most.
    expect(pagination.rest?.(count(4, 10))).toEqual([
      { offset: 4, limit: 4 },
      { offset: 8, limit: 2 },
    ])
    expect(pagination.rest?.(count(10, 10))).toEqual([])
    expect(pagination.rest?.(count(0, 0))).toEqual([])
    expect(() => pagination.rest?.(count(0, 5))).toThrow(PortError)
    expect(() => pagination.rest?.(count(1, 10_000_000))).toThrow('at most 1000000 pages')
  })

  it('lists no pages where it can’t say how large they are', () => {
    expect(offsetLimit({ total: 'total' }).rest).toBeUndefined()
    expect(offsetLimit({ size: 10 }).rest).toBeUndefined()
  })

  it.each([
    [{ size: 0 }, '"size" must be'],
    [{ from: -1 }, '"from" must be'],
    [{ step: 'rows' }, '"step" must be'],
    [{ step: 'size' }, '"step" needs "size"'],
    [{ shortPageIsLast: true }, '"shortPageIsLast" needs "size"'],
    [{ offset: { query: 'x' } }, '"offset" must be'],
    [{ offset: { param: 'a', header: 'b' } }, '"offset" must be'],
    [{ offset: { body: '' } }, '"offset" must be'],
    [{ total: 3 }, '"total" must be'],
  ])('refuses the options %j', (options, message) => {
    expect(() => offsetLimit(options as never)).toThrow(OptionError)
    expect(() => offsetLimit(options as never)).toThrow(message)
  })
})
