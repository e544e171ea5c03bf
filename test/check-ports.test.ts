import { of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { checkReader, checkWriter } from '../src/check-ports.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { noop } from '../src/connectors/noop/sink.ts'
import { defineDataSource } from '../src/data-source.ts'
import { OptionError } from '../src/errors.ts'
import { journaled } from '../src/journaled.ts'
import { schema } from '../src/schema.ts'
import { fromSimple, type ReplayableSimpleReader } from '../src/simple-reader.ts'
import type { StreamReader } from '../src/source.ts'
import { readStream } from '../src/stream.ts'
import { tee } from '../src/tee.ts'
import { availableNow } from '../src/trigger.ts'
import { union } from '../src/union.ts'
import { numberSink, numberSource, outcomeOf } from './engine/recording.ts'

const reader = {
  initialOffset: () => ({ offset: 0 }),
  latestOffset: () => ({ offset: 0 }),
  partitions: () => [],
  read: () => [],
}
const queue = { kind: 'acked', commit: () => {}, release: () => {} }
const writer = { guarantee: 'append', open: () => {}, commit: () => {} }

describe('checkReader', () => {
  it('takes what has all it needs, with helpers of its own and in a class', () => {
    class Reader {
      initialOffset() {}
      latestOffset() {}
      partitions() {}
      read() {}
      fetchPage() {}
      recommit() {}
    }
    const own = ['find', 'bind', 'top', 'step', '_stop', 'commits', 'releases', 'release', 'distances', 'available$']
    expect(() =>
      checkReader('s', { ...reader, ...Object.fromEntries(own.map((name) => [name, () => {}])) }),
    ).not.toThrow()
    expect(() => checkReader('s', reader)).not.toThrow()
    expect(() => checkReader('s', new Reader())).not.toThrow()
    expect(() => checkReader('s', { ...reader, commit: () => {}, readAll: () => {}, head: 3 })).not.toThrow()
  })

  it.each([
    [{ ...reader, comit: () => {} }, 'source "s": "comit" is no part of it; did you mean "commit"?'],
    [{ ...reader, availble: of(1) }, 'source "s": "availble" is no part of it; did you mean "available"?'],
    [{ ...reader, Compare: () => 0 }, 'source "s": "Compare" is no part of it; did you mean "compare"?'],
    [{ ...reader, distnace: () => 0 }, 'source "s": "distnace" is no part of it; did you mean "distance"?'],
    [{ ...reader, partitions: undefined }, 'source "s": "partitions" is missing; it must be a function'],
    [
      { initialOffset: () => {}, latestOfset: () => {}, partitions: () => [], read: () => [] },
      'source "s": "latestOffset" is missing; it must be a function. Is "latestOfset" meant to be it?',
    ],
    [{ ...reader, read: [] }, 'source "s": "read" is something else; it must be a function'],
    [{ ...reader, kind: 'queue' }, 'source "s": "kind" is something else; it must be "replayable" or "acked"'],
    [{ ...reader, kind: 'acked', commit: () => {} }, 'source "s": "release" is missing; it must be a function'],
    [
      { ...reader, kind: 'acked', commit: undefined, release: () => {} },
      'source "s": "commit" is missing; it must be a function',
    ],
    [{ ...reader, ...queue, hold: true }, 'source "s": "hold" is something else; it must be a function'],
    [{ ...reader, ...queue, Hold: () => {} }, 'source "s": "Hold" is no part of it; did you mean "hold"?'],
    [
      { ...reader, ...queue, outstanding: 0 },
      'source "s": "outstanding" is something else; it must be an integer from 1',
    ],
    [{ ...reader, available: () => of(1) }, 'source "s": "available" is something else; it must be an Observable'],
  ])('refuses a reader that isn’t one (%#)', (wrong, message) => {
    expect(() => checkReader('s', wrong)).toThrow(new OptionError(message))
  })
})

describe('checkWriter', () => {
  it.each(['transactional', 'append', { idempotent: 'key' }, { idempotent: 'position' }])(
    'takes the guarantee %j',
    (guarantee) => {
      const own = { stat() {}, top() {}, begins() {}, aborts() {} }
      expect(() => checkWriter('s', { ...writer, ...own, guarantee })).not.toThrow()
    },
  )

  const guarantees = 'it must be "transactional", "append", { idempotent: "key" } or { idempotent: "position" }'
  it.each([
    [{ ...writer, guarantee: 'exactly-once' }, `sink "s": "guarantee" is something else; ${guarantees}`],
    [{ ...writer, guarantee: { idempotent: 'keys' } }, `sink "s": "guarantee" is something else; ${guarantees}`],
    [{ open: () => {}, commit: () => {} }, `sink "s": "guarantee" is missing; ${guarantees}`],
    [{ ...writer, commit: undefined }, 'sink "s": "commit" is missing; it must be a function'],
    [{ ...writer, Begin: () => {} }, 'sink "s": "Begin" is no part of it; did you mean "begin"?'],
    [
      { guarantee: 'append', open: () => {}, comit: () => {} },
      'sink "s": "commit" is missing; it must be a function. Is "comit" meant to be it?',
    ],
  ])('refuses a writer that isn’t one (%#)', (wrong, message) => {
    expect(() => checkWriter('s', wrong)).toThrow(new OptionError(message))
  })
})

describe('a query', () => {
  const base = { name: 'q', trigger: availableNow() }
  const misspelt = () => ({ ...reader, comit: () => {} }) as unknown as StreamReader<object, never, { n: number }>
  const messageOf = (run: Parameters<typeof outcomeOf>[0]) => (outcomeOf(run).error as Error).message

  it('refuses a misspelt part of its source, wherever the source is', () => {
    const source = { name: 'api', streamReader: misspelt }
    expect(messageOf(readStream(source).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() }))).toBe(
      'query "q": source "api": "comit" is no part of it; did you mean "commit"?',
    )
    expect(
      messageOf(readStream(union({ one: source })).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() })),
    ).toBe('query "q": source "one": "comit" is no part of it; did you mean "commit"?')
    expect(() => journaled(misspelt())).toThrow('did you mean "commit"?')
  })

  it('refuses a sink that isn’t one, and stops the source that was made', () => {
    const calls: string[] = []
    const sink = numberSink([], [], { guarantee: 'exactly once' as never })
    expect(
      messageOf(
        readStream(numberSource(() => 1, calls)).writeStream(sink, { ...base, checkpoint: memoryCheckpoint() }),
      ),
    ).toContain('query "q": sink "sink": "guarantee" is something else')
    expect(calls).toEqual(['source stop'])
    expect(
      messageOf(
        readStream(numberSource(() => 1)).writeStream(tee({ table: sink }), {
          ...base,
          checkpoint: memoryCheckpoint(),
        }),
      ),
    ).toContain('sink "table": "guarantee" is something else')
  })

  it('refuses a simple reader without readBetween, which can’t replay', () => {
    const simple = defineDataSource({
      name: 'simple',
      schema: schema('n int not null'),
      simpleStreamReader: () => {
        const reader = { initialOffset: () => ({ at: 0 }), read: () => ({ rows: [], end: { at: 0 } }) }
        return reader as unknown as ReplayableSimpleReader<{ at: number }, { n: number }>
      },
    })
    expect(messageOf(readStream(simple()).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() }))).toContain(
      'simpleStreamReader: "readBetween" is missing',
    )
  })

  it('refuses a misspelt part of a simple reader, also of a journaled one', () => {
    const simple = { initialOffset: () => ({ at: 0 }), read: () => ({ rows: [], end: { at: 0 } }), comit: () => {} }
    const message = '"comit" is no part of it; did you mean "commit"?'
    expect(() => journaled(simple)).toThrow(`journaled: ${message}`)
    expect(() => fromSimple({ ...simple, readBetween: () => [] })).toThrow(`simpleStreamReader: ${message}`)
  })

  it('refuses a compare that orders nothing', () => {
    for (const answer of [true, Number.NaN]) {
      const source = numberSource(() => 1, [], { compare: () => answer as number })
      expect(messageOf(readStream(source).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() }))).toContain(
        `compare must answer with a number (less than 0: the first is before the second), and it answered with ${answer}`,
      )
    }
  })

  it('refuses a partition writer that can’t write or finish', () => {
    const sink = numberSink([], [], { open: () => ({ write: () => {}, finsh: () => [] }) as never })
    expect(
      messageOf(readStream(numberSource(() => 1)).writeStream(sink, { ...base, checkpoint: memoryCheckpoint() })),
    ).toContain('open must answer with a partition writer, and "finish" of its answer is undefined')
  })

  it('refuses a trigger that was not called', () => {
    const query = readStream(numberSource(() => 1)).writeStream(noop(), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow as never,
    })
    expect(messageOf(query)).toContain('was its call forgotten')
  })
})
