import { type Observable, type OperatorFunction, of } from 'rxjs'
import { describe, expectTypeOf, it } from 'vitest'
import { bufferRows } from '../../operators/buffer-rows.ts'
import { filterRows } from '../../operators/filter-rows.ts'
import { flatMapRows } from '../../operators/flat-map-rows.ts'
import { mapChunks } from '../../operators/map-chunks.ts'
import { mapRows } from '../../operators/map-rows.ts'
import { readPartition } from '../../operators/read-partition.ts'
import { transformRows } from '../../operators/transform-rows.ts'
import { type PartitionMessage, writeTo } from '../../operators/write-to.ts'
import type { Attempt } from '../../src/batch-run.ts'
import { deterministic } from '../../src/deterministic.ts'
import type { StreamWriter } from '../../src/sink.ts'
import type { StreamReader } from '../../src/source.ts'

type Chunks<Row> = Observable<readonly Row[]>
declare const chunks: Chunks<{ id: number; name: string | null }>

describe('operators over rows', () => {
  it('mapRows gives the rows that its function makes', () => {
    expectTypeOf(chunks.pipe(mapRows(({ id }) => ({ id, twice: id * 2 })))).toEqualTypeOf<
      Chunks<{ id: number; twice: number }>
    >()
    expectTypeOf(mapRows((row: { a: 1 }) => ({ b: row.a }))).toEqualTypeOf<
      OperatorFunction<readonly { a: 1 }[], readonly { b: 1 }[]>
    >()
  })

  it('filterRows keeps the type, and narrows it by a guard', () => {
    expectTypeOf(chunks.pipe(filterRows(({ id }) => id > 1))).toEqualTypeOf<typeof chunks>()
    const named = (row: { id: number; name: string | null }): row is { id: number; name: string } => row.name !== null
    expectTypeOf(chunks.pipe(filterRows(named))).toEqualTypeOf<Chunks<{ id: number; name: string }>>()
    // @ts-expect-error
    chunks.pipe(filterRows(({ id }) => id))
  })

  it('flatMapRows gives the rows of the arrays', () => {
    expectTypeOf(chunks.pipe(flatMapRows(({ id }) => [{ id }, { id: id + 1 }]))).toEqualTypeOf<Chunks<{ id: number }>>()
    // @ts-expect-error
    chunks.pipe(flatMapRows(({ id }) => ({ id })))
  })

  it('bufferRows keeps the type', () => {
    expectTypeOf(chunks.pipe(bufferRows(10))).toEqualTypeOf<typeof chunks>()
    expectTypeOf(
      chunks.pipe(
        mapRows(({ id }) => ({ id })),
        bufferRows(10),
        filterRows(({ id }) => id > 1),
      ),
    ).toEqualTypeOf<Chunks<{ id: number }>>()
    // @ts-expect-error
    chunks.pipe(bufferRows())
  })

  it('mapChunks takes values, promises and Observables, and nothing else', () => {
    const wanted = expectTypeOf<Chunks<{ id: number }>>()
    wanted.toEqualTypeOf(chunks.pipe(mapChunks((rows) => rows.map(({ id }) => ({ id })))))
    wanted.toEqualTypeOf(chunks.pipe(mapChunks(async (rows) => rows.map(({ id }) => ({ id })))))
    wanted.toEqualTypeOf(chunks.pipe(mapChunks((rows) => of(rows.map(({ id }) => ({ id }))))))
    // @ts-expect-error
    chunks.pipe(mapChunks(([row]) => row))
    // @ts-expect-error
    chunks.pipe(mapChunks((rows) => rows, { concurency: 2 }))
  })

  it('deterministic changes no type', () => {
    const operator = mapRows(({ id }: { id: number }) => ({ id }))
    expectTypeOf(deterministic(operator)).toEqualTypeOf(operator)
  })
})

describe('stages composed by hand', () => {
  it('fit together by their types only', () => {
    const reader = {} as StreamReader<{ at: number }, { slice: string }, { id: number }>
    const writer = {} as StreamWriter<{ id: number }, { file: string }>
    const attempt = {} as Attempt<{ slice: string }>
    const rows = readPartition(reader, attempt)
    expectTypeOf(rows).toEqualTypeOf<Chunks<{ id: number }>>()
    expectTypeOf(rows.pipe(transformRows<{ id: number }, { id: number }>([]), writeTo(writer, attempt))).toEqualTypeOf<
      Observable<PartitionMessage<{ file: string }>>
    >()
    // @ts-expect-error
    readPartition(reader, {} as Attempt<{ other: string }>)
    // @ts-expect-error
    rows.pipe(writeTo({} as StreamWriter<{ name: string }, { file: string }>, attempt))
  })
})
