import { describe, expect, it } from 'vitest'
import { mapChunks } from '../operators/map-chunks.ts'
import { retryBackoff } from '../operators/retry-backoff.ts'
import { fileCheckpoint } from '../src/checkpoint/file.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { sqliteCheckpoint } from '../src/checkpoint/sqlite.ts'
import { console } from '../src/connectors/console/sink.ts'
import { forEachBatch } from '../src/connectors/for-each-batch/sink.ts'
import { jsonLines } from '../src/connectors/json-lines/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import { noop } from '../src/connectors/noop/sink.ts'
import { rate } from '../src/connectors/rate/source.ts'
import { defineDataSource } from '../src/data-source.ts'
import { OptionError } from '../src/errors.ts'
import { journaled } from '../src/journaled.ts'
import { toApiRange } from '../src/offsets/api-range.ts'
import { keysetOffset } from '../src/offsets/keyset.ts'
import { perKeyOffset } from '../src/offsets/per-key.ts'
import { seenKeysOffset } from '../src/offsets/seen-keys.ts'
import { sequenceOffset } from '../src/offsets/sequence.ts'
import { timeOffset } from '../src/offsets/time.ts'
import { oneOf, required, rules, validateOptions } from '../src/options.ts'
import { read, readStream } from '../src/stream.ts'
import { continuously, whenAvailable } from '../src/trigger.ts'

/** What a call throws; anything but an OptionError fails the test. */
function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError)
    return (error as OptionError).message
  }
  throw new Error('nothing was refused')
}

describe('validateOptions', () => {
  const known = {
    maxRows: rules.positiveInteger,
    maxBytes: rules.limit,
    name: required(rules.string),
    password: { ...rules.string, secret: true },
    mode: oneOf('failFast', 'dropMalformed', 'permissive'),
  }
  const check = (options: object): void => validateOptions('owner', options, known)

  it('accepts what the rules accept, and undefined where nothing is required', () => {
    check({ name: 'n' })
    check({ name: 'n', maxRows: 1, maxBytes: Number.POSITIVE_INFINITY, mode: 'failFast', password: 'secret' })
    check({ name: 'n', maxRows: undefined })
  })

  it.each([
    ['maxrows', 'maxRows'],
    ['maxRow', 'maxRows'],
    ['maxByte', 'maxBytes'],
    ['Name', 'name'],
    ['nam', 'name'],
    ['pasword', 'password'],
  ])('%s: did you mean %s?', (given, meant) => {
    expect(refusal(() => check({ name: 'n', [given]: 1 }))).toBe(
      `owner: unknown option "${given}"; did you mean "${meant}"? Known options: maxRows, maxBytes, name, password, mode`,
    )
  })

  it('suggests nothing where nothing is near', () => {
    expect(refusal(() => check({ name: 'n', xyz: 1 }))).toBe(
      'owner: unknown option "xyz". Known options: maxRows, maxBytes, name, password, mode',
    )
  })

  it('refuses an unknown option also when it is undefined, or named as a method of objects', () => {
    expect(refusal(() => check({ name: 'n', toString: 1 }))).toContain('unknown option "toString"')
    expect(refusal(() => check({ name: 'n', other: undefined }))).toContain('unknown option "other"')
    expect(refusal(() => check(JSON.parse('{ "name": "n", "__proto__": 1 }')))).toContain('unknown option "__proto__"')
  })

  it('says which option is missing, and what it must be', () => {
    const text = 'owner: option "name" is missing; it must be a string that is not empty'
    expect(refusal(() => check({}))).toBe(text)
    expect(refusal(() => check({ name: undefined }))).toBe(text)
  })

  class Mine {}
  it.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    ['1', '"1"'],
    [1n, '1n'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('x'), 'a symbol'],
    [() => 1, 'a function'],
    [[1], 'an array'],
    [{ a: 1 }, 'a Object'],
    [new Mine(), 'a Mine'],
    [Object.create(null), 'a object'],
    ['x'.repeat(200), `"${'x'.repeat(99)}…`],
  ])('echoes a bad value: %s', (value, shown) => {
    expect(refusal(() => check({ name: 'n', maxRows: value }))).toBe(
      `owner: option "maxRows" must be a positive integer, and it is ${shown}`,
    )
  })

  it('never shows the value of a secret', () => {
    expect(refusal(() => check({ name: 'n', password: 123456789 }))).toBe(
      'owner: option "password" must be a string that is not empty',
    )
    expect(refusal(() => check({ name: 'n', pasword: 'hunter2' }))).not.toContain('hunter2')
  })

  it('refuses options that are no object', () => {
    for (const options of [null, 'fast', 7, [], () => ({})]) {
      expect(
        refusal(() => check(options as unknown as object)),
        String(options),
      ).toMatch(/^owner: options must be an object, and this is (?:undefined|null|an? \w+)$/)
    }
  })
})

describe('rules', () => {
  const values = [-1, 0, 1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, '', 'a', true, null, {}, [], () => 1]
  const accepted = (rule: { accepts: (value: unknown) => boolean }) => values.filter((value) => rule.accepts(value))

  it('accept what they say', () => {
    expect(accepted(rules.positiveInteger)).toEqual([1])
    expect(accepted(rules.limit)).toEqual([1, Number.POSITIVE_INFINITY])
    expect(accepted(rules.nonNegativeInteger)).toEqual([0, 1])
    expect(accepted(rules.nonNegativeNumber)).toEqual([0, 1, 1.5, 2 ** 53])
    expect(accepted(rules.string)).toEqual(['a'])
    expect(accepted(rules.boolean)).toEqual([true])
    expect(accepted(rules.function)).toEqual([values.at(-1)])
    expect(accepted(rules.object)).toEqual([{}])
    expect(accepted(oneOf('a', 'b'))).toEqual(['a'])
  })
})

// Every public function that takes options

interface Case {
  readonly call: (options: never) => unknown
  /** Options that are accepted. */
  readonly good: Readonly<Record<string, unknown>>
  /** Values that are refused, by option. All options stand here. */
  readonly bad: Readonly<Record<string, readonly unknown[]>>
}

const count = [0, -1, 1.5, Number.NaN, '2', null]
const limit = [0, -1, 1.5, Number.NaN, '10', null]
const delayMs = [-1, Number.NaN, Number.POSITIVE_INFINITY, '1 second', null]
const duration = [-1, 1.5, 'soon', '5 parsecs', '', null]
const positiveDuration = [0, '0 seconds', ...duration]
const text = ['', 1, null, {}]
const callback = [1, 'f', {}, null]
const flag = [0, 1, 'true', null]
const object = [1, 'x', [], null]
const scalar = [1.5, Number.NaN, true, null, {}]

const source = memoryStream<{ n: number }>()
const simple = { initialOffset: () => ({ n: 0 }), read: () => ({ rows: [], end: { n: 0 } }) }
const one = sequenceOffset({ head: () => 0 })
const policy = {
  initialDelayMs: delayMs,
  maxDelayMs: delayMs,
  factor: [0, 0.5, Number.NaN, '2', null],
  random: callback,
  retryable: callback,
  retryAfter: callback,
}
const query = { name: 'q', checkpoint: memoryCheckpoint() }
const nested =
  (name: string, rest: object = query) =>
  (options: never): unknown =>
    readStream(source).writeStream(noop(), { ...query, ...rest, [name]: options })

const run = {
  limit: object,
  concurrency: count,
  highWaterMark: count,
  highWaterBytes: ['1', 0, -1, 1.5, Number.NaN, null],
  maxPushed: count,
  stallAfter: duration,
  watchdog: object,
  retry: object,
  restart: object,
  require: ['exactly once', 1, null],
  sinkId: text,
  mode: ['dropmalformed', 'lenient', 1, null],
  deadLetters: [1, 'dead', {}, () => 1, null],
  scheduler: [1, {}, () => 1, null],
}

const cases: Readonly<Record<string, Case>> = {
  writeStream: {
    call: (options) => readStream(source).writeStream(noop(), options),
    good: {
      ...query,
      trigger: continuously(),
      concurrency: 2,
      require: 'at-least-once',
      sinkId: 's',
      mode: 'failFast',
    },
    bad: { ...run, name: text, checkpoint: ['checkpoints/q', {}, null], trigger: ['5 seconds', 5, {}, null] },
  },
  write: {
    call: (options) => read(source).write(noop(), options),
    good: { name: 'q', concurrency: 2, limit: { maxRows: 1 }, retry: { maxAttempts: 1 } },
    bad: { ...run, name: text },
  },
  'writeStream: limit': {
    call: nested('limit'),
    good: { maxRows: 10, maxBytes: Number.POSITIVE_INFINITY, maxFiles: 1, minRows: 10, maxDelay: '5 minutes' },
    bad: { maxRows: limit, maxBytes: limit, maxFiles: limit, minRows: [-1, 1.5, '1', null], maxDelay: duration },
  },
  'writeStream: retry': {
    call: nested('retry'),
    good: { maxAttempts: Number.POSITIVE_INFINITY, initialDelayMs: 0, factor: 1, retryable: () => true },
    bad: { ...policy, maxAttempts: limit },
  },
  'writeStream: restart': {
    call: nested('restart'),
    good: { maxAttempts: 2, backoff: { initialDelayMs: 1 } },
    bad: { maxAttempts: limit, backoff: object },
  },
  'writeStream: restart.backoff': {
    call: (backoff) => nested('restart')({ maxAttempts: 2, backoff } as never),
    good: { initialDelayMs: 1, maxDelayMs: 1, factor: 1 },
    bad: policy,
  },
  whenAvailable: {
    call: (options) => whenAvailable(options),
    good: { maxWait: '1 minute' },
    bad: { maxWait: positiveDuration },
  },
  continuously: {
    call: (options) => continuously(options),
    good: { minIdle: 1, maxIdle: '1 second' },
    bad: { minIdle: positiveDuration, maxIdle: positiveDuration },
  },
  fileCheckpoint: {
    call: (options) => fileCheckpoint('never-opened', options),
    good: { retain: 2, takeOver: true },
    bad: { retain: [1, 0, 2.5, '10', null], takeOver: flag },
  },
  sqliteCheckpoint: {
    call: (options) => sqliteCheckpoint('never-opened', options),
    good: { retain: 2, database: () => ({}) },
    bad: { retain: [1, 0, 2.5, '10', null], database: callback },
  },
  memoryCheckpoint: {
    call: (options) => memoryCheckpoint(options),
    good: { retain: 2 },
    bad: { retain: [1, 0, 2.5, '10', null] },
  },
  rate: {
    call: (options) => rate(options),
    good: { rowsPerSecond: 0.1, partitions: 2, startTime: 0, rowsPerBatch: 1, now: () => 0 },
    bad: {
      rowsPerSecond: [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', null],
      partitions: count,
      startTime: [1.5, new Date(Number.NaN), '2026-01-01', null],
      rowsPerBatch: count,
      now: callback,
    },
  },
  memoryStream: {
    call: (options) => memoryStream(options),
    good: { name: 'm', partitions: 2, chunkRows: 2, forgetCommitted: true },
    bad: { name: text, schema: object, partitions: count, chunkRows: count, forgetCommitted: flag },
  },
  console: {
    call: (options) => console(options),
    good: { numRows: 0, truncate: 0, format: 'json', write: () => undefined },
    bad: {
      numRows: [-1, 1.5, '20', null],
      truncate: [-1, 1.5, 'yes', null],
      format: ['csv', 1, null],
      write: callback,
    },
  },
  jsonLines: {
    call: (options) => jsonLines(options),
    good: { path: 'never-opened' },
    bad: { path: text },
  },
  forEachBatch: {
    call: (options) => forEachBatch(() => undefined, options),
    good: { guarantee: { idempotent: 'key' }, name: 'f' },
    bad: { guarantee: ['exactly-once', {}, { idempotent: 'position' }, null], name: text },
  },
  journaled: {
    call: (options) => journaled(simple, options),
    good: { identity: () => '', window: 1 },
    bad: { identity: callback, window: count },
  },
  mapChunks: {
    call: (options) => mapChunks((rows: readonly object[]) => rows, options),
    good: { concurrency: 2 },
    bad: { concurrency: count },
  },
  retryBackoff: {
    call: (options) => retryBackoff(options),
    good: { maxAttempts: 2, scheduler: undefined, onRetry: () => undefined, resetOnSuccess: true },
    bad: { ...policy, maxAttempts: limit, scheduler: [1, {}, null], onRetry: callback, resetOnSuccess: flag },
  },
  defineDataSource: {
    call: (options) => defineDataSource(options),
    good: { name: 'd', streamWriter: () => ({}) },
    bad: {
      name: text,
      schema: object,
      streamReader: callback,
      simpleStreamReader: callback,
      reader: callback,
      streamWriter: callback,
    },
  },
  sequenceOffset: {
    call: (options) => sequenceOffset(options),
    good: { from: 'latest', head: () => 1, cut: 2 },
    bad: { from: [-1, 1.5, 'first', null], head: callback, cut: [0, -1, 1.5, 'x', null] },
  },
  timeOffset: {
    call: (options) => timeOffset(options),
    good: { from: '2026-01-01T00:00:00Z', safetyLag: 0, granularity: 1000, maxWindow: '1 hour', head: () => 0 },
    bad: {
      from: ['now', '2026-01-01T00:00', 1.5, new Date(Number.NaN), null],
      safetyLag: duration,
      granularity: positiveDuration,
      maxWindow: positiveDuration,
      partitionDuration: positiveDuration,
      head: callback,
    },
  },
  keysetOffset: {
    call: (options) => keysetOffset(options),
    good: { value: () => 1, key: () => 1, from: 'a', head: () => undefined, compareValues: () => 0 },
    bad: {
      value: callback,
      key: callback,
      from: scalar,
      head: callback,
      compareValues: callback,
      compareKeys: callback,
    },
  },
  seenKeysOffset: {
    call: (options) => seenKeysOffset(options),
    good: { value: () => 1, key: () => 1, from: 1, head: () => [] },
    bad: { value: callback, key: callback, from: scalar, head: callback, compareValues: callback },
  },
  perKeyOffset: {
    call: (options) => perKeyOffset(options),
    good: { keys: ['a', 'b'], inner: one, concurrency: 1 },
    bad: { keys: [['a', 'a'], [1], 'a', null], inner: object, concurrency: count },
  },
  toApiRange: {
    call: (options) => toApiRange({ from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' }, options),
    good: { tick: 'second', start: 'exclusive', end: 'inclusive', format: 'epoch' },
    bad: { tick: ['minute', 1, null], start: ['open', null], end: ['open', null], format: ['unix', null] },
  },
}

describe.each(Object.entries(cases))('%s', (owner, { call, good, bad }) => {
  const withOptions =
    (options: object): (() => unknown) =>
    () =>
      call(options as never)

  it('accepts good options', () => {
    expect(withOptions(good)).not.toThrow()
  })

  it('knows the options that are tried here, and no others', () => {
    const listed = /Known options: (.*)$/.exec(refusal(withOptions({ ...good, unheardOf: 1 })))?.[1]?.split(', ')
    const fixed = owner === 'write' ? ['checkpoint', 'trigger'] : owner.endsWith('backoff') ? ['maxAttempts'] : []
    expect(listed?.sort()).toEqual([...Object.keys(bad), ...fixed].sort())
  })

  it.each(Object.keys(bad))('refuses a misspelt %s with the right name', (name) => {
    expect(refusal(withOptions({ ...good, [`${name}s`]: 1 }))).toContain(
      `unknown option "${name}s"; did you mean "${name}"?`,
    )
  })

  it.each(Object.entries(bad))('refuses a bad %s', (name, values) => {
    for (const value of values) {
      expect(refusal(withOptions({ ...good, [name]: value })), String(value)).toMatch(
        new RegExp(`: option "${name}" must be .+, and it is `),
      )
    }
  })
})

describe('options that depend on each other', () => {
  const stream =
    (options: object): (() => unknown) =>
    () =>
      readStream(source).writeStream(noop(), { ...query, ...options })

  it('minRows needs maxDelay, and is not more than maxRows', () => {
    expect(refusal(stream({ limit: { minRows: 1 } }))).toContain('"minRows" needs option "maxDelay"')
    expect(refusal(stream({ limit: { minRows: 11, maxRows: 10, maxDelay: 1 } }))).toContain(
      '"minRows" must not be more',
    )
    expect(stream({ limit: { minRows: 10, maxRows: 10, maxDelay: 0 } })).not.toThrow()
    expect(stream({ limit: { minRows: 0 } })).not.toThrow()
  })

  it('permissive needs a column for the rows that do not fit', () => {
    expect(refusal(stream({ mode: 'permissive' }))).toContain('needs a column "_corrupt_record string"')
  })

  it('dropMalformed needs deadLetters', () => {
    expect(refusal(stream({ mode: 'dropMalformed' }))).toContain('"dropMalformed" needs option "deadLetters"')
    expect(stream({ mode: 'dropMalformed', deadLetters: noop() })).not.toThrow()
  })

  it('restart needs maxAttempts', () => {
    expect(refusal(stream({ restart: {} }))).toContain('option "maxAttempts" is missing')
  })

  it('minIdle is not more than maxIdle', () => {
    expect(refusal(() => continuously({ minIdle: '2 seconds', maxIdle: '1 second' }))).toContain('2000 ms and 1000 ms')
    expect(refusal(() => continuously({ minIdle: '1 minute' }))).toContain('60000 ms and 5000 ms')
  })

  it('name and checkpoint are required', () => {
    expect(refusal(() => readStream(source).writeStream(noop(), { name: 'q' } as never))).toContain(
      '"checkpoint" is missing',
    )
    expect(refusal(() => readStream(source).writeStream(noop(), { checkpoint: query.checkpoint } as never))).toContain(
      '"name" is missing',
    )
  })
})
