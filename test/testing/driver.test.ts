import { filter, map, NEVER } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import {
  CommitInDoubtError,
  OffsetRegressionError,
  OptionError,
  PortError,
  QueryRunningError,
} from '../../src/errors.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import type { ReadLimit } from '../../src/source.ts'
import { drive } from '../../src/testing/driver.ts'
import { timeline } from '../../src/testing/driver-timeline.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, processingTime } from '../../src/trigger.ts'

interface Row {
  readonly n: number
}

/** One row a position, two to a partition. */
function numbers(head: () => number) {
  const read = ({ from, to }: { from: number; to: number }) => [
    Array.from({ length: to - from }, (_, i): Row => ({ n: from + i })),
  ]
  return { ...sequenceOffset({ head, cut: { size: 2 } }), read }
}

const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('offset logic', () => {
  it(
    'takes ten rows a batch and never past the end',
    marbles(({ cold, expectObservable }) => {
      const head = timeline('          a---------b', { a: 25, b: 27 })
      const trigger = cold('           a--b--c--d--e|')
      const { ranges$ } = drive({ reader: sequenceOffset({ head }), trigger, limit: { maxRows: 10 } })
      expectObservable(ranges$).toBe(' a--b--c-----e|', { a: '[0, 10)', b: '[10, 20)', c: '[20, 25)', e: '[25, 27)' })
    }),
  )

  it(
    'asks once a batch, where the last one ended, with the limit',
    marbles(({ cold, expectObservable }) => {
      const reader = sequenceOffset({ head: timeline('a----b', { a: 10, b: 12 }) })
      const { ranges$, calls$ } = drive({ reader, trigger: cold('a--b--c|'), limit: { maxRows: 10 } })
      const asked = calls$.pipe(
        filter(({ port }) => port === 'latestOffset'),
        map(({ args: [start, limit] }) => [start, (limit as ReadLimit).maxRows]),
      )
      expectObservable(ranges$).toBe('a-----c|', { a: '[0, 10)', c: '[10, 12)' })
      expectObservable(asked).toBe('  x--y--y', { x: [{ offset: 0 }, 10], y: [{ offset: 10 }, 10] })
    }),
  )

  it(
    'gives the source its own limits only, not those of the query',
    marbles(({ cold, expectObservable }) => {
      const { calls$, ranges$ } = drive({ reader: numbers(() => 3), trigger: cold('a|'), limit: { maxRows: 10 } })
      const limits = calls$.pipe(
        filter(({ port }) => port === 'latestOffset'),
        map(({ args: [, limit] }) => limit),
      )
      expectObservable(ranges$).toBe('x|', { x: '[0, 3)' })
      expectObservable<unknown>(limits).toBe('l', { l: { maxRows: 10, maxBytes: Infinity, maxFiles: Infinity } })
    }),
  )

  it(
    'shows partitions and rows, by partition',
    marbles(({ cold, expectObservable }) => {
      const reader = numbers(timeline('a--b', { a: 3, b: 4 }))
      const { batches$ } = drive({ reader, trigger: cold('-a--b|') })
      expectObservable(batches$).toBe('                    -a--b|', {
        a: {
          batchId: 0,
          range: '[0, 3)',
          partitions: [
            { from: 0, to: 2 },
            { from: 2, to: 3 },
          ],
          rows: [{ n: 0 }, { n: 1 }, { n: 2 }],
        },
        b: { batchId: 1, range: '[3, 4)', partitions: [{ from: 3, to: 4 }], rows: [{ n: 3 }] },
      })
    }),
  )

  it(
    'ends availableNow at the head of its start, while the head moves on',
    marbles(({ cold, expectObservable }) => {
      const head = timeline('a-b-c-d-e-f', { a: 5, b: 10, c: 15, d: 20, e: 25, f: 30 })
      const reader = { ...numbers(head), read: () => cold('---(r|)', { r: [{ n: 0 }] }) }
      const { ranges$ } = drive({ reader, trigger: availableNow(), limit: { maxRows: 2 }, concurrency: 1 })
      expectObservable(ranges$).toBe('---x--y--(z|)', { x: '[0, 2)', y: '[2, 4)', z: '[4, 6)' })
    }),
  )

  it(
    'waits for minRows, or for maxDelay',
    marbles(({ cold, expectObservable }) => {
      const reader = sequenceOffset({ head: timeline('a-b---c', { a: 4, b: 10, c: 13 }) })
      const trigger = cold('          abcdefgh----------|')
      const { ranges$ } = drive({ reader, trigger, limit: { minRows: 10, maxDelay: 5 } })
      expectObservable(ranges$).toBe('--x--------y------|', { x: '[0, 10)', y: '[10, 13)' })
    }),
  )

  it(
    'shows an offset of several properties as JSON, one of a single property as that',
    marbles(({ cold, expectObservable }) => {
      const head = timeline('a-b', { a: { day: '2024-01-01' }, b: { day: '2024-01-01', key: 7 } })
      const reader = { initialOffset: () => ({}), latestOffset: head, partitions: () => [] }
      const { ranges$ } = drive({ reader, trigger: cold('a-b|') })
      expectObservable(ranges$).toBe('                   x-y|', {
        x: '[{}, 2024-01-01)',
        y: '[2024-01-01, {"day":"2024-01-01","key":7})',
      })
    }),
  )
})

describe('failures', () => {
  it(
    'of the source are shown as they were thrown: a regression',
    marbles(({ cold, expectObservable }) => {
      const latestOffset = timeline('a-b', { a: { offset: 10 }, b: { offset: 5 } })
      const { ranges$ } = drive({
        reader: { ...sequenceOffset({ head: () => 0 }), latestOffset },
        trigger: cold('a-b|'),
      })
      const regression = new OffsetRegressionError('latestOffset went back from {"offset":10} to {"offset":5}')
      expectObservable(ranges$).toBe('a-#', { a: '[0, 10)' }, regression)
    }),
  )

  it(
    'are retried after their bounds of delay, without jitter',
    marbles(({ cold, expectObservable }) => {
      const reader = sequenceOffset({ head: timeline('# 149ms a', { a: 10 }) })
      const { ranges$ } = drive({ reader, trigger: cold('a|') })
      expectObservable(ranges$).toBe('300ms (x|)', { x: '[0, 10)' })
    }),
  )

  it(
    'of a sink that is down for a while leave the batch to the next run, which the sink gets once',
    marbles(({ cold, expectObservable, flush }) => {
      const outage = new Error('down')
      const sink = memorySink<Row>()
      const { ranges$ } = drive({
        reader: numbers(() => 3),
        trigger: cold('          a|'),
        sink,
        retry: { maxAttempts: 1 },
        faults: { writer: { commit: timeline('#----a', undefined, outage) } },
      })
      const inDoubt = new CommitInDoubtError('whether the sink holds batch 0 is unknown: down', { cause: outage })
      expectObservable(ranges$).toBe('       #', undefined, inDoubt)
      expectObservable(ranges$, '-----^').toBe('-----x|', { x: '[0, 3)' })
      flush()
      expect(sink.rows).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
    }),
  )

  it(
    'can be put before any port',
    marbles(({ cold, expectObservable }) => {
      const broken = { retryable: false }
      const fail = (): never => {
        throw broken
      }
      const reader = { ...numbers(() => 3), commit: () => {} }
      const failing = (faults: NonNullable<Parameters<typeof drive>[0]['faults']>) =>
        drive({ reader, trigger: cold('-a'), faults }).ranges$
      expectObservable(failing({ reader: { initialOffset: fail } })).toBe('#', undefined, broken)
      expectObservable(failing({ writer: { start: fail } })).toBe('        #', undefined, broken)
      for (const port of ['latestOffset', 'partitions', 'read', 'commit'] as const)
        expectObservable(failing({ reader: { [port]: fail } })).toBe(' -#', undefined, broken)
      for (const port of ['begin', 'open', 'write', 'finish'] as const)
        expectObservable(failing({ writer: { [port]: fail } })).toBe(' -#', undefined, broken)
    }),
  )
})

describe('stopping and starting again', () => {
  it(
    'replays the batch that was cut, with its range and partitions, though the head moved on',
    marbles(({ cold, expectObservable }) => {
      const reader = {
        ...numbers(timeline('    a--b', { a: 2, b: 9 })),
        read: () => cold('       ---(r|)', { r: [{ n: 7 }] }),
      }
      const { batches$, calls$ } = drive({ reader, trigger: cold('a---b|') })
      expectObservable(batches$, '^-!').toBe('--')
      expectObservable(batches$, '-----^').toBe('--------x---(y|)', {
        x: { batchId: 0, range: '[0, 2)', partitions: [{ from: 0, to: 2 }], rows: [{ n: 7 }], replay: true },
        y: {
          batchId: 1,
          range: '[2, 9)',
          partitions: [
            { from: 2, to: 4 },
            { from: 4, to: 6 },
            { from: 6, to: 8 },
            { from: 8, to: 9 },
          ],
          rows: [{ n: 7 }, { n: 7 }, { n: 7 }, { n: 7 }],
        },
      })
      const asked = calls$.pipe(
        map(({ port }) => port),
        filter((port) => port === 'latestOffset' || port === 'initialOffset'),
      )
      expectObservable(asked).toBe('(il)-----l', { i: 'initialOffset', l: 'latestOffset' })
    }),
  )

  it(
    'shows no rows of a batch that the sink holds already, as its commit only seemed to fail',
    marbles(({ cold, expectObservable }) => {
      const held = memorySink<Row>()
      const lost = new Error('the answer was lost')
      const sink = () => {
        const writer = held.streamWriter()
        return {
          ...writer,
          commit: (...args: Parameters<typeof writer.commit>) => {
            writer.commit(...args)
            throw lost
          },
        }
      }
      const { batches$ } = drive({ reader: numbers(() => 2), trigger: cold('a|'), sink, retry: { maxAttempts: 1 } })
      const inDoubt = new CommitInDoubtError('whether the sink holds batch 0 is unknown: the answer was lost', {
        cause: lost,
      })
      expectObservable(batches$).toBe('#', undefined, inDoubt)
      expectObservable(batches$, '---^').toBe('---x|', {
        x: { batchId: 0, range: '[0, 2)', partitions: [{ from: 0, to: 2 }], rows: [], replay: true },
      })
    }),
  )

  it(
    'goes on from a checkpoint that is handed in, and tells the source again what is finished',
    marbles(({ cold, expectObservable, flush }) => {
      const checkpoint = memoryCheckpoint()
      const source = memoryStream<Row>()
      source.add({ n: 0 }, { n: 1 })
      const first = drive({ reader: source.streamReader, trigger: cold('a|'), checkpoint })
      const second = drive({ reader: source.streamReader, trigger: cold('a|'), checkpoint })
      expectObservable(first.ranges$).toBe('x|', { x: '[0, 2)' })
      expectObservable(second.ranges$, '---^').toBe('----|')
      expectObservable(second.calls$.pipe(filter(({ port }) => port === 'commit'))).toBe('---c', {
        c: { port: 'commit', args: [{ offset: 2 }] },
      })
      flush()
      expect(source.committed).toBe(2)
    }),
  )

  it(
    'makes a reader for each run from a function, and takes one for all otherwise',
    marbles(({ cold, expectObservable, flush }) => {
      let made = 0
      const make = () => {
        made += 1
        return numbers(() => 3)
      }
      const { ranges$ } = drive({ reader: make, trigger: cold('a|') })
      expectObservable(ranges$).toBe('x|', { x: '[0, 3)' })
      expectObservable(ranges$, '---^').toBe('----|')
      flush()
      expect(made).toBe(2)
    }),
  )

  it(
    'refuses two runs at once',
    marbles(({ expectObservable }) => {
      const { ranges$ } = drive({ reader: numbers(() => 3), trigger: NEVER })
      expectObservable(ranges$, '^----!').toBe('-')
      expectObservable(ranges$, '--^').toBe(
        '--#',
        undefined,
        new QueryRunningError('query "driven" is running already'),
      )
    }),
  )
})

describe('any reader', () => {
  it(
    'may be of a class, with members of its own',
    marbles(({ cold, expectObservable }) => {
      class Counter {
        readonly #head = 4
        readonly defaultLimit = { maxRows: 3 }
        initialOffset() {
          return { offset: 0 }
        }
        latestOffset(start: { offset: number }, limit: ReadLimit) {
          return { offset: Math.min(this.#head, start.offset + limit.maxRows) }
        }
        partitions(): readonly number[] {
          return []
        }
      }
      const { ranges$ } = drive({ reader: () => new Counter(), trigger: cold('a-b|') })
      expectObservable(ranges$).toBe('x-y|', { x: '[0, 3)', y: '[3, 4)' })
    }),
  )

  it(
    'may be of a queue: a batch that failed is released, and its id is not used again',
    marbles(({ cold, expectObservable }) => {
      const reader = {
        ...numbers(timeline('a---b', { a: 2, b: 4 })),
        kind: 'acked' as const,
        commit: () => {},
        release: () => {},
      }
      const faults = { writer: { write: timeline('#-a') } }
      const { batches$, calls$ } = drive({ reader, trigger: cold('a|'), faults, retry: { maxAttempts: 1 } })
      expectObservable(batches$).toBe('        #')
      expectObservable(batches$, '----^').toBe('----x|', {
        x: { batchId: 1, range: '[2, 4)', partitions: [{ from: 2, to: 4 }], rows: [{ n: 2 }, { n: 3 }] },
      })
      expectObservable(calls$.pipe(filter(({ port }) => port === 'release' || port === 'commit'))).toBe('r---c', {
        r: { port: 'release', args: [{ offset: 0 }, { offset: 2 }] },
        c: { port: 'commit', args: [{ offset: 4 }] },
      })
    }),
  )
})

describe('misuse', () => {
  it(
    'a promise is refused, as virtual time cannot wait for it',
    marbles(({ cold, expectObservable }) => {
      const told = (port: string) =>
        new PortError(
          `${port} is asynchronous by itself, and virtual time can't wait for that; in a driven test let it answer with a value, a generator or an Observable`,
        )
      const positions = sequenceOffset({ head: () => 3 })
      const asynchronous = {
        latestOffset: async () => ({ offset: 1 }),
        async *read() {
          yield [{ n: 1 }]
        },
      }
      const { latestOffset, read } = asynchronous
      expectObservable(drive({ reader: { ...positions, latestOffset }, trigger: cold('-a|') }).ranges$).toBe(
        '-#',
        undefined,
        told('latestOffset'),
      )
      expectObservable(drive({ reader: { ...positions, read }, trigger: cold('-a|') }).ranges$).toBe(
        '-#',
        undefined,
        told('read'),
      )
    }),
  )

  it('a run without an end fails instead of hanging', () => {
    const endless = marbles(({ expectObservable }) => {
      const { ranges$ } = drive({ reader: numbers(() => 0), trigger: processingTime('1 second') })
      expectObservable(ranges$).toBe('-')
    })
    expect(String(thrownBy(endless))).toMatch(/doesn't end \(10000 calls/)
  })

  it('outside a marble test is an error, of both', () => {
    expect(() => drive({ reader: numbers(() => 0), trigger: NEVER })).toThrow(OptionError)
    expect(() => timeline('a')).toThrow(/marbles/)
  })

  it(
    'of options is an error',
    marbles(() => {
      expect(() => drive({ reader: numbers(() => 0), trigger: NEVER, limit: { maxRows: 0 } })).toThrow(OptionError)
    }),
  )
})

describe('timeline', () => {
  it(
    'is what the diagram says at each frame, the frame of a change included',
    marbles(({ cold, expectObservable }) => {
      const state = timeline('a-b #-c', { a: 1, b: 2, c: 3 }, 'down')
      const seen = cold('xxxxxxx').pipe(
        map(() => {
          try {
            return state()
          } catch (error) {
            return error
          }
        }),
      )
      expectObservable(seen).toBe('aabddcc', { a: 1, b: 2, c: 3, d: 'down' })
    }),
  )

  it(
    'stands for its letters without values, and refuses what has no meaning',
    marbles(() => {
      expect(timeline('x')()).toBe('x')
      expect(() => timeline('-a')).toThrow(/must begin at frame 0/)
      expect(() => timeline('a--|')).toThrow(/must not complete/)
      expect(() => timeline('a--b', { a: 1 })).toThrow(/the letter b has no value/)
    }),
  )
})
