import { describe, expect, it } from 'vitest'
import { findRecords, takeRecords } from '../../../../src/connectors/rest/records/records.ts'
import { PortError } from '../../../../src/errors.ts'

const a = { id: 1 }

describe('takeRecords', () => {
  it('takes the array at a path out of the body', () => {
    const body = { data: { items: [a], total: 1 }, next: 'x' }
    expect(takeRecords(body, 'data.items')).toEqual({
      items: [a],
      envelope: { data: { items: [], total: 1 }, next: 'x' },
      records: ['data', 'items'],
    })
    expect(body.data.items).toEqual([a])
  })

  it('takes the body itself', () => {
    expect(takeRecords([a], '')).toEqual({ items: [a], envelope: undefined, records: [] })
    expect(takeRecords(null, '')).toEqual({ items: [], envelope: undefined, records: [] })
  })

  it('takes null for no items, where the API says null for none', () => {
    const body = { items: null, next: 1 }
    expect(takeRecords(body, 'items')).toEqual({ items: [], envelope: body, records: ['items'] })
  })

  it.each([
    ['nothing', { data: { rows: [] } }, 'found nothing there in an object with data'],
    ['an object', { data: { items: { a: 1 } } }, 'found an object with a'],
    ['a text', { data: { items: 'secret' } }, 'found a string'],
    ['an error of the API', { error: { message: 'secret' } }, 'found nothing there in an object with error'],
  ])('refuses %s in its place, and shows no value', (_what, body, message) => {
    expect(() => takeRecords(body, 'data.items')).toThrow(PortError)
    expect(() => takeRecords(body, 'data.items')).toThrow(`expected an array at data.items, ${message}`)
  })

  it('asks a function, and keeps the body as the envelope', () => {
    const body = { rows: { x: a } }
    expect(takeRecords(body, (value) => Object.values((value as typeof body).rows))).toEqual({
      items: [a],
      envelope: body,
      records: undefined,
    })
    expect(() => takeRecords(body, () => 1 as never)).toThrow(
      'expected an array from the function "records", found a number',
    )
    const failing = () => {
      throw new TypeError('no rows')
    }
    expect(() => takeRecords(body, failing)).toThrow('the function "records" failed: no rows')
  })
})

describe('findRecords', () => {
  it.each([
    [[a], []],
    [[], []],
    [{ items: [a], total: 1 }, ['items']],
    [{ items: [] }, ['items']],
    [{ data: { rows: [a] }, meta: { next: 'x' } }, ['data', 'rows']],
    [{ items: [a], errors: [], warnings: [{}] }, ['items']],
    [{ items: [a], tags: ['x', 'y'] }, ['items']],
  ])('finds the only array of objects in %j', (body, path) => {
    expect(findRecords(body)).toEqual(path)
  })

  it.each([
    [{ items: [a], included: [a] }, 'expected one array, found 2: items, included; say'],
    [{ data: { items: [], users: [] } }, 'found 2: data.items, data.users'],
    [{ a: { b: { c: [a] } } }, 'found none in an object with a'],
    [{ id: 1, tags: ['x'] }, 'found none in an object with id, tags'],
    [{ errors: [{ message: 'secret' }] }, 'found none in an object with errors'],
    ['text', 'found none in a string'],
    [null, 'found none in null'],
  ])('guesses nothing in %j', (body, message) => {
    expect(() => findRecords(body)).toThrow(message)
    expect(() => findRecords(body)).toThrow('"records"')
  })
})
