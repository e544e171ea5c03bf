import fc from 'fast-check'
import { from, of, Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { bufferRows } from '../../operators/buffer-rows.ts'
import { readPartition } from '../../operators/read-partition.ts'
import { transformRows } from '../../operators/transform-rows.ts'
import { writeTo } from '../../operators/write-to.ts'
import { Demand } from '../../src/demand.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { OptionError } from '../../src/errors.ts'
import { isRowOperator } from '../../src/row-operator.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { attemptIn, outcomeOf, testContext } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'
import { withinPartition } from './within-partition.ts'

interface Numbered {
  readonly n: number
}

/** Rows first, first + 1, … */
const rows = (count: number, first = 0): readonly Numbered[] =>
  Array.from({ length: count }, (_, index) => ({ n: first + index }))

describe('bufferRows', () => {
  edgeListOfPassing<readonly Numbered[]>(() => bufferRows(2), { a: rows(2), b: rows(2, 2) })

  it(
    'joins chunks that are too small, and passes on what is left at the end',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const chunks = { a: rows(2), b: rows(2, 2), c: rows(1, 4) }
      const source = cold('a--b--c|', chunks)
      const subs = '       ^------!'
      const expected = '   ---x---(y|)'
      expectObservable(source.pipe(bufferRows(3))).toBe(expected, { x: rows(3), y: rows(2, 3) })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'cuts chunks that are too large, and keeps what is left for the next one',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('A----B----|', { A: rows(7), B: rows(5, 7) })
      const subs = '       ^---------!'
      const expected = '   (uv)-(wx)-|'
      const cut = { u: rows(3), v: rows(3, 3), w: rows(3, 6), x: rows(3, 9) }
      expectObservable(source.pipe(bufferRows(3))).toBe(expected, cut)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'passes no empty chunk on, and drops what it holds with an error of the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const empty = cold(' e--e|', { e: [] })
      const failing = cold('a--b--#', { a: rows(2), b: rows(2, 2) })
      const subs = '       ^-----!'
      expectObservable(empty.pipe(bufferRows(3))).toBe('  ----|')
      expectObservable(failing.pipe(bufferRows(3))).toBe('---x--#', { x: rows(3) })
      expectSubscriptions(failing.subscriptions).toBe(subs)
    }),
  )

  it('gives chunks of one size with the same rows in the same order, whatever sizes came', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), sizes, (count, sizes) => {
        const all = rows(sizes.reduce((sum, size) => sum + size, 0))
        const left = [...all]
        const chunks = sizes.map((size) => Object.freeze(left.splice(0, size)))
        const { values } = outcomeNow(from(chunks).pipe(bufferRows(count)))
        expect(values.flat()).toEqual(all)
        expect(values.slice(0, -1).every(({ length }) => length === count)).toBe(true)
        expect(values.at(-1)?.length ?? 1).toBeGreaterThan(0)
        expect(values.at(-1)?.length ?? 1).toBeLessThanOrEqual(count)
      }),
    )
  })

  it('passes a chunk of the right size as it is, and rows themselves', () => {
    const chunk = rows(3)
    expect(outcomeNow(of(chunk).pipe(bufferRows(3))).values[0]).toBe(chunk)
    expect(outcomeNow(of(chunk).pipe(bufferRows(2))).values[0]?.[1]).toBe(chunk[1])
  })

  it('keeps the order when a source answers a chunk with the next ones, or with its end', () => {
    const source$ = new Subject<readonly Numbered[]>()
    const seen: number[][] = []
    source$.pipe(bufferRows(2)).subscribe({
      next: (chunk) => {
        seen.push(chunk.map(({ n }) => n))
        if (seen.length !== 1) return
        source$.next(rows(4, 5))
        source$.complete()
      },
      complete: () => seen.push([]),
    })
    source$.next(rows(5))
    expect(seen).toEqual([[0, 1], [2, 3], [4, 5], [6, 7], [8], []])
  })

  it('cuts no further when nobody listens any more', () => {
    const seen: number[] = []
    const source$ = new Subject<readonly Numbered[]>()
    const running = source$.pipe(bufferRows(1)).subscribe(([row]) => {
      seen.push(row?.n as number)
      running.unsubscribe()
    })
    source$.next(rows(3))
    expect(seen).toEqual([0])
    expect(source$.observed).toBe(false)
  })

  it('does not keep the source from going on: what it holds is not counted as unwritten', () => {
    const demand = new Demand(1)
    const source$ = new Subject<readonly Numbered[]>()
    source$.pipe(withinPartition({ demand }, bufferRows(10))).subscribe()
    source$.next(rows(2))
    expect(demand.hasRoom).toBe(true)
  })

  it('joins more chunks than may wait for the writer', async () => {
    const attempt = attemptIn(testContext({ highWaterMark: 1 }))
    const read = () => [0, 1, 2, 3, 4].map((n) => rows(1, n))
    const written: number[] = []
    const write = async (chunk: readonly Numbered[]) => {
      written.push(chunk.length)
    }
    const open = () => ({ write, finish: () => 'm' })
    const result = readPartition<string, Numbered>({ read }, attempt).pipe(bufferRows(3), writeTo({ open }, attempt))
    expect(await outcomeOf(result)).toEqual({ values: [{ partitionId: 0, message: 'm' }] })
    expect(written).toEqual([3, 2])
  })

  it.each([0, -1, 1.5, Number.NaN, Infinity, '2', undefined])('refuses a count of %s', (count) => {
    expect(() => bufferRows(count as number)).toThrow(OptionError)
  })

  it('is known to be deterministic, and needs no guard', () => {
    expect(isDeterministic(bufferRows(1))).toBe(true)
    expect(isRowOperator(bufferRows(1))).toBe(true)
    expect(outcomeNow(of(rows(3)).pipe(transformRows([bufferRows(2) as never]))).values).toEqual([rows(2), rows(1, 2)])
  })
})
