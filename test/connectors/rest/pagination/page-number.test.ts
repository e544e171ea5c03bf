import { describe, expect, it } from 'vitest'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { pageEnd, received, requestAfter, rowsUrl } from './api.ts'

const base = { url: rowsUrl }
const page = (count: number, envelope?: object) => pageEnd(envelope, { count })

describe('pageNumber', () => {
  it('asks for page after page', () => {
    const pagination = pageNumber()
    expect(received(pagination.request(pagination.first, base)).query).toEqual({ page: '1' })
    expect(requestAfter(pagination, page(3))?.query).toEqual({ page: '2' })
    expect(requestAfter(pagination, page(0))).toBeUndefined()
  })

  it('counts from another number, in another place, with a size', () => {
    const pagination = pageNumber({ page: { body: 'p' }, from: 0, limit: 'per_page', size: 50 })
    expect(received(pagination.request(pagination.first, base))).toMatchObject({
      json: { p: 0 },
      query: { per_page: '50' },
    })
    expect(requestAfter(pagination, page(3))).toMatchObject({ json: { p: 1 }, query: { per_page: '50' } })
  })

  it('ends after the number of pages, and not at an empty one', () => {
    const pagination = pageNumber({ totalPages: 'pages' })
    expect(requestAfter(pagination, page(3, { pages: 2 }))).toBeDefined()
    expect(requestAfter(pagination, page(0, { pages: 2 }))).toBeDefined()
    expect(requestAfter(pagination, page(3, { pages: 1 }))).toBeUndefined()
    expect(requestAfter(pagination, page(0, { pages: 0 }))).toBeUndefined()
    const fromZero = pageNumber({ from: 0, totalPages: 'pages' })
    expect(fromZero.next({ page: 0, before: 0 }, page(3, { pages: 2 }))).toEqual({ page: 1, before: 3 })
    expect(fromZero.next({ page: 1, before: 3 }, page(3, { pages: 2 }))).toBeUndefined()
  })

  it('ends when all rows have come', () => {
    const pagination = pageNumber({ total: 'total' })
    const second = pagination.next(pagination.first, page(3, { total: 7 })) ?? {}
    expect(second).toEqual({ page: 2, before: 3 })
    const third = pagination.next(second, page(3, { total: 7 })) ?? {}
    expect(third).toEqual({ page: 3, before: 6 })
    expect(pagination.next(third, page(1, { total: 7 }))).toBeUndefined()
    expect(() => pagination.next(third, page(0, { total: 7 }))).toThrow('expected 1 more rows')
  })

  it('lists the other pages', () => {
    expect(pageNumber({ totalPages: 'pages' }).rest?.(page(3, { pages: 3 }))).toEqual([
      { page: 2, before: 3 },
      { page: 3, before: 6 },
    ])
    const pagination = pageNumber({ from: 0, total: 'total' })
    expect(pagination.rest?.(page(3, { total: 7 }))).toEqual([
      { page: 1, before: 3 },
      { page: 2, before: 6 },
    ])
    expect(pagination.rest?.(page(3, { total: 3 }))).toEqual([])
    expect(pagination.rest?.(page(0, { total: 0 }))).toEqual([])
    expect(() => pagination.rest?.(page(0, { total: 1 }))).toThrow(PortError)
    expect(() => pagination.rest?.(page(1, { total: 10_000_000 }))).toThrow('at most 1000000 pages')
    expect(pageNumber().rest).toBeUndefined()
  })

  it.each([
    [{ size: 50 }, '"size" and "limit"'],
    [{ limit: 'per_page' }, '"size" and "limit"'],
    [{ page: '' }, '"page" must be'],
    [{ totalPages: {} }, '"totalPages" must be'],
  ])('refuses the options %j', (options, message) => {
    expect(() => pageNumber(options as never)).toThrow(OptionError)
    expect(() => pageNumber(options as never)).toThrow(message)
  })
})
