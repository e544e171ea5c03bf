import { first, map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { flatMapRows } from '../../operators/flat-map-rows.ts'
import { mapChunks } from '../../operators/map-chunks.ts'
import { mapRows } from '../../operators/map-rows.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { defineDataSource } from '../../src/data-source.ts'
import type { DeadLetter } from '../../src/dead-letter.ts'
import { deterministic } from '../../src/deterministic.ts'
import { OperatorError, OptionError, RowError } from '../../src/errors.ts'
import { schema } from '../../src/schema.ts'
import type { StartContext } from '../../src/sink.ts'
import { read, readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSource, outcomeOf } from './recording.ts'

const options = () => ({
  name: 'q',
  checkpoint: memoryCheckpoint(),
  trigger: availableNow(),
  retry: { maxAttempts: 1 },
})
const person = schema('id int not null, name string')

function people(...rows: readonly object[]) {
  const source = memoryStream<{ id: number; name: string | null }>({ schema: person })
  source.add(...(rows as { id: number; name: string | null }[]))
  return source
}

describe('rows', () => {
  it('go through the operators in order', () => {
    const sink = memorySink<{ n: number; half: number }>()
    outcomeOf(
      readStream(numberSource(() => 6))
        .pipe(
          filterRows(({ n }) => n % 2 === 0),
          flatMapRows(({ n }) => [{ n }, { n: n + 10 }]),
          mapRows(({ n }) => ({ n, half: n / 2 })),
          mapChunks((rows) => rows.toReversed()),
          map((rows) => rows.filter(({ n }) => n !== 14)),
        )
        .writeStream(sink, options()),
    )
    expect(sink.rows).toEqual([
      { n: 12, half: 6 },
      { n: 2, half: 1 },
      { n: 10, half: 5 },
      { n: 0, half: 0 },
      { n: 4, half: 2 },
    ])
  })

  it('are held against the schema of their source: the first misfit fails, and its value is not shown', () => {
    const { error } = outcomeOf(
      readStream(people({ id: 1, name: 'a' }, { id: 'secret', name: 'b' })).writeStream(memorySink(), options()),
    )
    const cause = (error as Error).cause as Error
    expect(cause).toBeInstanceOf(RowError)
    expect(cause.message).toContain('column "id": expected int, found a string')
    expect((error as Error).message).not.toContain('secret')
  })

  it('are held against the schema that .as states', () => {
    const query = readStream(numberSource(() => 1))
      .pipe(mapRows(({ n }) => ({ n: n + 0.5 })))
      .as(schema('n int not null'))
      .writeStream(memorySink(), options())
    expect((outcomeOf(query).error as Error).cause).toBeInstanceOf(RowError)
  })

  it('reach a sink with the schema that .as states, and without one after other operators', () => {
    const seen: (string | undefined)[] = []
    const sink = () => ({
      guarantee: 'append' as const,
      start: (context: StartContext) => void seen.push(context.schema?.ddl),
      open: () => ({ write: () => undefined, finish: () => 0 }),
      commit: () => undefined,
    })
    const stream = readStream(people())
    outcomeOf(stream.writeStream(sink, options()))
    outcomeOf(stream.pipe(mapRows((row) => row)).writeStream(sink, options()))
    outcomeOf(
      stream
        .pipe(mapRows(({ id }) => ({ id })))
        .as(schema('id int not null'))
        .writeStream(sink, options()),
    )
    expect(seen).toEqual([person.ddl, undefined, 'id int not null'])
  })

  it('take no part of a partition with them when an operator ends early (invariant 14)', () => {
    const sink = memorySink<object>()
    const query = readStream(numberSource(() => 4))
      .pipe((source) =>
        source.pipe(
          map((rows) => rows),
          (rows) => rows.pipe(filterRows(() => true)),
          (rows) => rows,
        ),
      )
      .writeStream(sink, options())
    expect(outcomeOf(query).error).toBeUndefined()
    const taking = readStream(
      numberSource(() => 4, [], {
        *read() {
          yield [{ n: 1 }]
          yield [{ n: 2 }]
        },
      }),
    )
      .pipe((source) => source.pipe((rows) => rows.pipe(first())))
      .writeStream(sink, { ...options(), name: 'taking' })
    expect((outcomeOf(taking).error as Error).cause).toBeInstanceOf(OperatorError)
  })
})

describe('dropMalformed', () => {
  it('sends what does not fit to the dead letters, with the reason, and the others on', () => {
    const sink = memorySink<{ id: number; name: string | null }>()
    const dead = memorySink<DeadLetter>()
    const query = readStream(people({ id: 1, name: 'a' }, { id: 2.5, name: 'b' }, { id: 3, name: 4n })).writeStream(
      sink,
      {
        ...options(),
        mode: 'dropMalformed',
        deadLetters: dead,
      },
    )
    const { values, error } = outcomeOf(query)
    expect(error).toBeUndefined()
    expect(sink.rows).toEqual([{ id: 1, name: 'a' }])
    expect(dead.rows.map(({ reason, row }) => [reason, row])).toEqual([
      ['column "id": expected int, found a fractional number', '{"id":2.5,"name":"b"}'],
      ['column "name": expected string, found a bigint', '{"id":3,"name":"4"}'],
    ])
    expect(dead.rows[0]).toMatchObject({ batchId: 0, partitionId: 0, queryId: values[0]?.id })
    expect(values[0]).toMatchObject({ numInputRows: 3, sink: { numOutputRows: 1 }, partitions: [{ rowsDropped: 2 }] })
  })

  it('needs operators that are known to be deterministic, because a replay has to refuse the same rows', () => {
    const operator = map((rows: readonly { id: number; name: string | null }[]) => rows)
    const write = (chain: typeof operator) => () =>
      readStream(people())
        .pipe(chain)
        .as(person)
        .writeStream(memorySink(), { ...options(), mode: 'dropMalformed', deadLetters: memorySink<DeadLetter>() })
    expect(write(operator)).toThrow(OptionError)
    expect(write(deterministic(operator))).not.toThrow()
  })

  it('needs a dead-letter sink', () => {
    const stream = readStream(people())
    expect(() => stream.writeStream(memorySink(), { ...options(), mode: 'dropMalformed' })).toThrow(OptionError)
  })

  it('does not commit a batch whose dead letters could not be written', () => {
    const sink = memorySink<object>()
    const dead = {
      name: 'dead',
      streamWriter: () => ({
        guarantee: 'append' as const,
        open: () => ({
          write: () => {
            throw new Error('dead letters are down')
          },
          finish: () => 0,
        }),
        commit: () => undefined,
      }),
    }
    const query = readStream(people({ id: 'x' })).writeStream(sink, {
      ...options(),
      mode: 'dropMalformed',
      deadLetters: dead,
    })
    expect((outcomeOf(query).error as Error).message).toContain('dead letters are down')
    expect(sink.batches.size).toBe(0)
  })
})

describe('read', () => {
  const table = defineDataSource({
    name: 'table',
    schema: schema('n int not null'),
    reader: (count: number) => ({
      partitions: () => Array.from({ length: count }, (_, n) => ({ n })),
      *read({ n }: { n: number }) {
        yield [{ n }]
      },
    }),
  })

  it('takes a batch reader once from end to end', () => {
    const sink = memorySink<{ n: number }>()
    const { values, complete } = outcomeOf(read(table(3)).write(sink))
    expect([sink.rows, values.length, complete]).toEqual([[{ n: 0 }, { n: 1 }, { n: 2 }], 1, true])
  })

  it('takes a stream source from its initial offset to where it ends now', () => {
    const sink = memorySink<{ n: number }>()
    const { values } = outcomeOf(read(numberSource(() => 5)).write(sink, { limit: { maxRows: 2 } }))
    expect([sink.rows.length, values.length]).toEqual([5, 3])
  })
})
