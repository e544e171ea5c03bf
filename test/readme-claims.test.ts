import { from, of, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { latestOffset } from '../operators/latest-offset.ts'
import { planPartitions } from '../operators/plan-partitions.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import { OffsetRegressionError } from '../src/errors.ts'
import { sequenceOffset } from '../src/offsets/sequence.ts'
import { byIdRange } from '../src/partition.ts'
import { defaultRetryPolicy, retryDelay } from '../src/retry.ts'
import { rowChecker, schema } from '../src/schema.ts'
import { readStream } from '../src/stream.ts'
import { drive } from '../src/testing/driver.ts'
import { marbles } from '../src/testing/marbles.ts'
import { availableNow, once, type Trigger } from '../src/trigger.ts'
import { union } from '../src/union.ts'
import { outcomeOf } from './engine/recording.ts'

/** What the README says in passing, and no test of a module has as its subject. Its programs and tables have tests of their own. */

describe('a partition', () => {
  const logged = (partition: unknown) =>
    outcomeOf(of({ start: { at: 0 }, end: { at: 1 } }).pipe(planPartitions({ partitions: () => [partition] })))

  test.for([
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a bigint', 1n],
  ] as const)('is no place for %s', ([, value]) => {
    expect(logged({ value }).error).toMatchObject({ code: 'SLUICE_PORT' })
  })

  test('comes without its undefined properties', () => {
    expect(logged({ from: 1, to: undefined }).values).toEqual([
      { start: { at: 0 }, end: { at: 1 }, partitions: [{ from: 1 }] },
    ])
    expect(logged({ from: 1, to: undefined }).values[0]?.partitions[0]).not.toHaveProperty('to')
  })
})

describe('a head that fell below the position', () => {
  test('is waited out by the helpers, without a word', () => {
    let head = 30
    const ranges: string[] = []
    const { latestOffset: latest } = sequenceOffset({ head: () => head })
    for (head of [30, 12, 29, 30, 31]) {
      const { values, error } = outcomeOf(of({ offset: 30 }).pipe(latestOffset({ latestOffset: latest })))
      expect(error).toBeUndefined()
      ranges.push(values.map(({ start, end }) => `${start.offset} to ${end.offset}`).join())
    }
    expect(ranges).toEqual(['', '', '', '', '30 to 31'])
  })

  test('is an error where there is compare and it is the answer; without compare it would become a batch', () => {
    const back = { latestOffset: () => ({ offset: 12 }) }
    const compare = (a: { offset: number }, b: { offset: number }) => a.offset - b.offset
    const asked = (reader: Parameters<typeof latestOffset<{ offset: number }>>[0]) =>
      outcomeOf(of({ offset: 30 }).pipe(latestOffset(reader)))
    expect(asked({ ...back, compare }).error).toBeInstanceOf(OffsetRegressionError)
    expect(asked(back).values).toEqual([{ start: { offset: 30 }, end: { offset: 12 } }])
  })
})

test('retryAfter is a number of milliseconds, and a text is none', () => {
  const delayFor = (retryAfter: unknown) => retryDelay({ ...defaultRetryPolicy, random: () => 0 }, 1, { retryAfter })
  expect(delayFor(Number('2') * 1000)).toBe(2000)
  expect(delayFor('2')).toBe(0)
})

test('byIdRange leaves out its last id, so that one more is passed', () => {
  const ids = (maxExclusive: number) =>
    byIdRange(1, maxExclusive, 3).flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))
  expect(ids(7)).not.toContain(7)
  expect(ids(7 + 1)).toEqual([1, 2, 3, 4, 5, 6, 7])
})

test('a nullable column may be left out of a row', () => {
  const check = rowChecker(schema('id int not null, name string'))
  expect(check({ id: 1 })).toBeUndefined()
  expect(check({ name: 'a' })).toContain('column "id"')
})

test.for([
  [7, [3, 2, 2]],
  [3, [1, 1, 1]],
  [2, [1, 1, 1]],
  [1, [1, 1, 1]],
] as const)('a union shares out a limit of %i rows', ([maxRows, shares]) => {
  const streams = [0, 1, 2].map(() => memoryStream<{ n: number }>())
  for (const stream of streams) stream.add(...Array.from({ length: 5 }, (_, n) => ({ n })))
  const [a, b, c] = streams as [(typeof streams)[0], (typeof streams)[0], (typeof streams)[0]]
  const query = readStream(union({ a, b, c })).writeStream(memorySink(), {
    name: 'q',
    checkpoint: memoryCheckpoint(),
    trigger: once(),
    limit: { maxRows },
  })
  const [progress] = outcomeOf(query).values
  expect(progress?.sources.map(({ numInputRows }) => numInputRows)).toEqual(shares)
})

test.for([
  ['availableNow()', availableNow(), 2],
  ['once()', once(), 2],
  ['an Observable', from([0]), 0],
] as const)('under %s minRows holds back what it may', ([, trigger, rows]) => {
  const stream = memoryStream<{ n: number }>()
  stream.add({ n: 1 }, { n: 2 })
  const sink = memorySink<{ n: number }>()
  const query = readStream(stream).writeStream(sink, {
    name: 'q',
    checkpoint: memoryCheckpoint(),
    trigger: trigger as Trigger,
    limit: { minRows: 3, maxDelay: '1 hour' },
  })
  expect(outcomeOf(query).complete).toBe(true)
  expect(sink.rows).toHaveLength(rows)
})

describe('in a marble test', () => {
  const reader = { ...sequenceOffset({ head: () => 3 }), initialOffset: () => of({ offset: 0 }) }

  test(
    'ports may answer at once or with Observables',
    marbles(({ cold, expectObservable }) => {
      const { ranges$ } = drive({ reader, trigger: cold('-a|') })
      expectObservable(ranges$).toBe('-a|', { a: '[0, 3)' })
    }),
  )

  test('a port that answers with a promise fails', () => {
    const later = { ...reader, latestOffset: () => Promise.resolve({ offset: 3 }) }
    let failure: unknown
    marbles(({ cold, flush }) => {
      drive({ reader: later, trigger: cold('-a|') })
        .ranges$.pipe(toArray())
        .subscribe({
          error: (error: unknown) => {
            failure = error
          },
        })
      flush()
    })()
    expect(failure).toMatchObject({ code: 'SLUICE_PORT', message: expect.stringContaining("virtual time can't wait") })
  })
})
