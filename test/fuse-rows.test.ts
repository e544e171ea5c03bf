import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { defer, EMPTY, from, map, type OperatorFunction, of, tap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { filterRows } from '../operators/filter-rows.ts'
import { flatMapRows } from '../operators/flat-map-rows.ts'
import { mapRows } from '../operators/map-rows.ts'
import { type RowsOperator, transformRows } from '../operators/transform-rows.ts'
import { isDeterministic } from '../src/deterministic.ts'
import { fuseRows } from '../src/fuse-rows.ts'
import { isRowOperator } from '../src/row-operator.ts'
import { throwIt } from './operators/a-run.ts'
import { edgeList } from './operators/edge-list.ts'
import { outcomeNow } from './operators/outcome-now.ts'
import { withinPartition } from './operators/within-partition.ts'

interface Row {
  readonly n: number
}
type Chunk = readonly Row[]
type Operator = OperatorFunction<Chunk, Chunk>

const rows = (...ns: readonly number[]): Chunk => ns.map((n) => ({ n }))
const plus = (by: number): Operator => mapRows(({ n }) => ({ n: n + by }))
const without = (divisor: number): Operator => filterRows(({ n }) => n % divisor !== 0)
const times = (count: number): Operator =>
  flatMapRows(({ n }) => Array.from({ length: count }, (_, i) => ({ n: n + i })))
const other: Operator = map((some) => [...some].reverse())

// As the rows of a pipeline have them: each operator knows only its neighbours.
const fused = (operators: readonly Operator[]): readonly Operator[] =>
  fuseRows(operators as readonly unknown[] as readonly RowsOperator[]) as readonly unknown[] as readonly Operator[]
const guarded = (operators: readonly Operator[]): Operator =>
  transformRows<Row, Row>(operators as readonly unknown[] as readonly RowsOperator[])
const through =
  (operators: readonly Operator[]): Operator =>
  (source) =>
    operators.reduce((chunks, operator) => operator(chunks), source)

describe('fuseRows', () => {
  const three = () => through(fused([plus(1), without(2), times(2)]))
  edgeList({
    operator: three,
    source: { a: rows(1, 2), b: rows(4, 5) },
    result: { a: rows(3, 4), b: rows(5, 6) },
  })

  it('puts one operator in place of neighbours that look at a row at a time, and leaves the others where they are', () => {
    const chain = [plus(1), without(2), other, times(2), other, other]
    const result = fused(chain)
    expect(result).toHaveLength(5)
    expect([result[1], result[3], result[4]]).toEqual([other, other, other])
    expect(result.map(isRowOperator)).toEqual([true, false, true, false, false])
    expect(result.map(isDeterministic)).toEqual([true, false, true, false, false])
    expect(fused([])).toEqual([])
  })

  it('makes the operator once for a chain, and another one for another chain that begins alike', () => {
    const first = plus(1)
    const chain = [first, without(2)]
    const [once] = fused(chain)
    expect(fused([...chain])[0]).toBe(once)
    chain[1] = without(3)
    const [anew] = fused(chain)
    expect(anew).not.toBe(once)
    expect(outcomeNow(of(rows(1, 2)).pipe(through([anew as Operator]))).values).toEqual([rows(2)])
    expect(fused([first])).toHaveLength(1)
  })

  it('keeps apart what has the same text', () => {
    const results = [1, 10].map((by) => outcomeNow(of(rows(1)).pipe(through(fused([plus(by)])))).values)
    expect(results).toEqual([[rows(2)], [rows(11)]])
  })

  const step = fc.oneof(
    fc.integer({ min: -3, max: 3 }).map((by) => ({ text: `+ ${by}`, operator: () => plus(by) })),
    fc.integer({ min: 1, max: 4 }).map((by) => ({ text: `no multiples of ${by}`, operator: () => without(by) })),
    fc.integer({ min: 0, max: 3 }).map((count) => ({ text: `${count} of each`, operator: () => times(count) })),
    fc.constant({ text: 'reversed', operator: () => other }),
  )

  it('gives the chunks that the operators give one by one, and counts what they filter out', () => {
    const chunk = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 12 }).map((ns) => rows(...ns))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), fc.array(chunk, { maxLength: 5 }), (steps, chunks) => {
        const counted = (operator: Operator) => {
          const seen: { readonly count: number; readonly rows: Chunk }[] = []
          let count = 0
          const scope = {
            filtered: (more: number) => {
              count += more
            },
          }
          const result = from(chunks).pipe(
            withinPartition(scope, operator),
            tap((some) => seen.push({ count, rows: some })),
          )
          return { ...outcomeNow(result), seen, count }
        }
        const operators = steps.map(({ operator }) => operator())
        const expected = counted(through(operators))
        expect(counted(through(fused(operators)))).toEqual(expected)
        expect(counted(guarded(operators))).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('passes rows themselves, and leaves a chunk as it was', () => {
    const chunk = Object.freeze(rows(1, 2, 3))
    const [kept] = outcomeNow(of(chunk).pipe(through(fused([without(2), without(5)])))).values
    expect(kept?.[1]).toBe(chunk[2])
    expect(chunk).toHaveLength(3)
  })

  it('takes a row through all functions before the next one, each with the row alone', () => {
    const calls: unknown[][] = []
    const noting =
      <T>(name: string, answer: T) =>
      (...args: readonly Row[]): T => {
        calls.push([name, ...args])
        return answer
      }
    const chain = [
      mapRows(noting('map', { n: 7 })),
      filterRows(noting('filter', true)),
      flatMapRows(noting('spread', [])),
    ]
    outcomeNow(of(rows(1, 2)).pipe(through(fused(chain))))
    const ofRow = (n: number) => [
      ['map', { n }],
      ['filter', { n: 7 }],
      ['spread', { n: 7 }],
    ]
    expect(calls).toEqual([...ofRow(1), ...ofRow(2)])
  })

  it.each([
    ['map', mapRows((_: Row): Row => throwIt(new Error('broken')))],
    ['filter', filterRows((_: Row): boolean => throwIt(new Error('broken')))],
    ['spread', flatMapRows((_: Row): Row[] => throwIt(new Error('broken')))],
  ])('fails with what a function throws, and passes nothing of that chunk: %s', (_name, broken) => {
    const inFront = filterRows<Row>(({ n }) => n > 1)
    const { values, error } = outcomeNow(from([rows(1), rows(0, 2)]).pipe(through(fused([inFront, broken]))))
    expect([values, error]).toEqual([[], new Error('broken')])
  })

  it('knows the partition it was applied in, where what stands before it puts off the subscription', () => {
    let count = 0
    const scope = {
      filtered: (more: number) => {
        count += more
      },
    }
    let subscribe = (): void => {}
    const late = defer(() => of(rows(1, 2)))
    const putOff: Operator = (source) => {
      subscribe = () => source.subscribe()
      return EMPTY
    }
    outcomeNow(late.pipe(withinPartition(scope, (source) => putOff(through(fused([without(2)]))(source)))))
    subscribe()
    expect(count).toBe(1)
  })

  it('takes chains of any length', () => {
    const chain = Array.from({ length: 600 }, () => flatMapRows((row: object) => [row, ...[]])) as never
    const rows = [{ n: 1 }, { n: 2 }]
    expect(outcomeNow(of(rows).pipe(transformRows(chain)))).toEqual({ values: [rows] })
  })

  it('fails with what the function is, where it is none', () => {
    const operators: readonly ((what: never) => RowsOperator)[] = [mapRows, filterRows, flatMapRows]
    for (const operator of operators) {
      const { error } = outcomeNow(of([{ n: 1 }]).pipe(transformRows([operator(undefined as never)] as never)))
      expect(String(error)).toMatch(/TypeError: (project|predicate) is not a function/)
    }
    const single = flatMapRows((() => 1) as never)
    expect(String(outcomeNow(of([{ n: 1 }]).pipe(transformRows([single] as never))).error)).toMatch(
      /project0.* iterable/,
    )
  })

  it('leaves the operators as they are where code may not be made from texts', () => {
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
    const program = `
      import { of } from 'rxjs'
      const { mapRows } = await import(${url('../operators/map-rows.ts')})
      const { filterRows } = await import(${url('../operators/filter-rows.ts')})
      const { fuseRows } = await import(${url('../src/fuse-rows.ts')})
      const chain = [mapRows(({ n }) => ({ n: n + 1 })), filterRows(({ n }) => n > 1)]
      const fused = fuseRows(chain)
      const seen = []
      of([{ n: 0 }, { n: 1 }]).pipe(...fused).subscribe((rows) => seen.push(rows))
      console.log(JSON.stringify([fused.length, fused.every((one, at) => one === chain[at]), seen]))
    `
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
    expect(JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }))).toEqual([2, true, [[{ n: 2 }]]])
  })
})
