import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PortError } from '../src/errors.ts'
import { forSink, idempotencyKey, type RowRange } from '../src/idempotency.ts'
import type { WriteContext } from '../src/sink.ts'

const at: RowRange = { queryId: 'q', sinkId: 'main', batchId: 3, partitionId: 1, firstOrdinal: 500, count: 250 }

describe('the key of a request', () => {
  it('says where its rows stand', () => {
    expect(idempotencyKey(at, undefined)).toBe('q/main/3/1/500/250')
    expect(idempotencyKey({ ...at, sinkId: 'a/b c' }, undefined)).toBe('q/a%2Fb%20c/3/1/500/250')
  })

  it('is another one for any other range, and the same for the same', () => {
    const small = fc.nat({ max: 12 })
    const range = fc.record({
      queryId: fc.constantFrom('q', 'r'),
      sinkId: fc.string({ unit: fc.constantFrom('/', '1', '%', '2', 'F'), maxLength: 3 }),
      batchId: small,
      partitionId: small,
      firstOrdinal: small,
      count: small,
    })
    fc.assert(
      fc.property(range, range, (a, b) => {
        const same = (Object.keys(a) as (keyof RowRange)[]).every((name) => a[name] === b[name])
        expect(idempotencyKey(a, undefined) === idempotencyKey(b, undefined)).toBe(same)
      }),
      { numRuns: 1000 },
    )
    expect(idempotencyKey({ ...at, batchId: 1, partitionId: 11 }, undefined)).not.toBe(
      idempotencyKey({ ...at, batchId: 11, partitionId: 1 }, undefined),
    )
  })

  it('is joined by a digest of the rows where a replay may bring others', () => {
    const rows = [{ id: 1 }, { id: 2 }]
    const key = idempotencyKey(at, { rows })
    expect(key).toMatch(/^q\/main\/3\/1\/500\/250\/[0-9a-f]{32}$/)
    expect(idempotencyKey(at, { rows: structuredClone(rows) })).toBe(key)
    expect(idempotencyKey(at, { rows: rows.toReversed() })).not.toBe(key)
    expect(idempotencyKey({ ...at, firstOrdinal: 0 }, { rows })).not.toBe(idempotencyKey(at, { rows }))
  })

  const values: readonly unknown[] = [
    0,
    1,
    -1,
    1.5,
    Number.NaN,
    Infinity,
    -Infinity,
    1n,
    2n,
    2n ** 64n,
    2n ** 64n + 1n,
    '',
    'a',
    null,
    true,
    false,
    new Date(0),
    new Date(1),
    new Uint8Array([1]),
    new Uint8Array([2]),
    Buffer.from([3]),
    [],
    [1],
    {},
    { a: 1 },
    new Map([['a', 1]]),
    new Map([['a', 2]]),
    new Set([1]),
    new Set([2]),
  ]
  it('has another digest for each other value that a row may hold', () => {
    const keys = values.map((value) => idempotencyKey(at, { rows: [{ value }] }))
    const doubles = values.filter((_, index) => keys.indexOf(keys[index] as string) !== index)
    expect(doubles).toEqual([])
  })

  it('has the same digest for equal rows', () => {
    for (const value of values) {
      expect(idempotencyKey(at, { rows: [{ value: structuredClone(value) }] })).toBe(
        idempotencyKey(at, { rows: [{ value: structuredClone(value) }] }),
      )
    }
  })

  it('needs the rows there', () => {
    expect(() => idempotencyKey(at, { rows: undefined })).toThrow(PortError)
  })
})

describe('forSink', () => {
  const context: Omit<WriteContext, 'sinkId' | 'idempotencyKey'> = {
    queryId: 'q',
    batchId: 3,
    partitionId: 1,
    attempt: 2,
    epoch: 7,
    deterministic: true,
    signal: new AbortController().signal,
    report: () => {},
  }

  it('addresses a context to a sink', () => {
    const addressed = forSink(context, 'table')
    expect(addressed).toMatchObject({ ...context, sinkId: 'table' })
    expect(addressed.idempotencyKey(500, 250)).toBe('q/table/3/1/500/250')
  })

  it('gives every attempt the same keys, and every sink its own', () => {
    const key = (attempt: number, sinkId: string) => forSink({ ...context, attempt }, sinkId).idempotencyKey(0, 1)
    expect(key(0, 'a')).toBe(key(1, 'a'))
    expect(key(0, 'a')).not.toBe(key(0, 'b'))
  })

  it('can be addressed again, to another sink', () => {
    const again = forSink(forSink(context, 'table'), 'table.dead-letters')
    expect(again.sinkId).toBe('table.dead-letters')
    expect(again.idempotencyKey(0, 1)).toBe('q/table.dead-letters/3/1/0/1')
  })

  it('looks at the rows only where they may be others on a replay', () => {
    const rows = [{ id: 1 }]
    expect(forSink(context, 'a').idempotencyKey(0, 1, rows)).toBe(forSink(context, 'a').idempotencyKey(0, 1))
    const other = forSink({ ...context, deterministic: false }, 'a')
    expect(other.idempotencyKey(0, 1, rows)).not.toBe(other.idempotencyKey(0, 1, [{ id: 2 }]))
    expect(() => other.idempotencyKey(0, 1)).toThrow(PortError)
  })
})
