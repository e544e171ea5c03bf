import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as errors from '../src/errors.ts'

const {
  describeError,
  errorCodes,
  isRetryable,
  isSluiceError,
  OptionError,
  PortError,
  QueryError,
  retryAfterOf,
  SluiceError,
} = errors

type Simple = new (message?: string, options?: ErrorOptions) => errors.SluiceError

/** Part of the public contract: users match on codes, and restarts go by `retryable`. */
const table: readonly (readonly [className: string, code: string, retryable: boolean | 'as its cause'])[] = [
  ['OptionError', 'SLUICE_OPTION', false],
  ['SchemaError', 'SLUICE_SCHEMA', false],
  ['RowError', 'SLUICE_ROW', false],
  ['OffsetError', 'SLUICE_OFFSET', false],
  ['OffsetRegressionError', 'SLUICE_OFFSET_REGRESSION', false],
  ['PortError', 'SLUICE_PORT', false],
  ['OperatorError', 'SLUICE_OPERATOR', false],
  ['PushOverflowError', 'SLUICE_PUSH_OVERFLOW', false],
  ['PartitionStalledError', 'SLUICE_STALLED', true],
  ['CircuitOpenError', 'SLUICE_CIRCUIT_OPEN', true],
  ['CheckpointCorruptError', 'SLUICE_CHECKPOINT_CORRUPT', false],
  ['CheckpointLockedError', 'SLUICE_CHECKPOINT_LOCKED', true],
  ['CheckpointWriteError', 'SLUICE_CHECKPOINT_WRITE', true],
  ['LeaseLostError', 'SLUICE_LEASE_LOST', false],
  ['GuaranteeError', 'SLUICE_GUARANTEE', false],
  ['CommitInDoubtError', 'SLUICE_COMMIT_IN_DOUBT', true],
  ['QueryError', 'SLUICE_QUERY', 'as its cause'],
  ['QueryRunningError', 'SLUICE_QUERY_RUNNING', false],
  ['RabbitError', 'SLUICE_RABBITMQ', true],
  ['RabbitRefusedError', 'SLUICE_RABBITMQ_REFUSED', false],
  ['FileError', 'SLUICE_FILE', true],
  ['FileRefusedError', 'SLUICE_FILE_REFUSED', false],
  ['PostgresError', 'SLUICE_POSTGRES', true],
  ['PostgresRefusedError', 'SLUICE_POSTGRES_REFUSED', false],
  ['DeltaTableError', 'SLUICE_DELTA_TABLE', false],
  ['DeltaStorageError', 'SLUICE_DELTA_STORAGE', true],
]

const isErrorClass = (value: unknown): value is Simple =>
  typeof value === 'function' && value.prototype instanceof SluiceError

const classes = new Map<string, Simple>()
for (const [name, value] of Object.entries<unknown>(errors)) if (isErrorClass(value)) classes.set(name, value)

describe('the errors', () => {
  it('are these, each with a code of its own', () => {
    expect(table.map(([name]) => name).sort()).toEqual([...classes.keys()].sort())
    // That of HttpError, which sluice/rest has, besides.
    expect([...table.map(([, code]) => code), 'SLUICE_HTTP'].sort()).toEqual(Object.values(errorCodes).sort())
    expect(new Set(Object.values(errorCodes)).size).toBe(Object.values(errorCodes).length)
  })

  it.each(table.filter(([, , retryable]) => retryable !== 'as its cause'))(
    '%s has code %s, retryable: %s',
    (name, code, retryable) => {
      const Class = classes.get(name) as Simple
      const cause = new Error('cause')
      const error = new Class('text', { cause })
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ name, code, retryable, message: 'text', cause })
      expect(isSluiceError(error)).toBe(true)
      expect(isRetryable(error)).toBe(retryable)
      expect(String(error)).toBe(`${name}: text`)
    },
  )

  it('stand in the README as they are', () => {
    const readme = new URL('../README.md', import.meta.url)
    if (!existsSync(readme)) return
    const rows = Array.from(
      readFileSync(readme, 'utf8').matchAll(/^\| `(SLUICE_\w+)` \| `(\w+)` \| (yes|no|as its cause)\b.*$/gm),
      ([, code, name, retryable]) => [name, code, retryable],
    )
    const words = { true: 'yes', false: 'no', 'as its cause': 'as its cause' }
    expect(rows.sort()).toEqual(table.map(([name, code, retryable]) => [name, code, words[`${retryable}`]]).sort())
  })
})

describe('QueryError', () => {
  const at = { query: 'orders', batchId: 3, partitionId: 1 }

  it('says where, and keeps what was thrown', () => {
    const cause = new TypeError('boom')
    const error = new QueryError('query orders, batch 3, partition 1: boom', at, cause)
    expect(error).toMatchObject({ ...at, cause, code: 'SLUICE_QUERY', name: 'QueryError' })
    expect(new QueryError('m', { query: 'orders' }, cause)).toMatchObject({
      batchId: undefined,
      partitionId: undefined,
    })
  })

  it('is as retryable as its cause, however deep', () => {
    const retryable = (cause: unknown): boolean => new QueryError('m', at, cause).retryable
    expect(retryable(new Error('network'))).toBe(true)
    expect(retryable(new PortError('protocol'))).toBe(false)
    expect(retryable('a text')).toBe(true)
    expect(retryable(undefined)).toBe(true)
    expect(retryable(new QueryError('inner', at, new OptionError('x')))).toBe(false)
  })
})

describe('isRetryable', () => {
  it.each([
    ['an error of somebody else', new Error('x'), true],
    ['an error that says no', Object.assign(new Error('x'), { retryable: false }), false],
    ['an error that says yes', Object.assign(new Error('x'), { retryable: true }), true],
    ['an object that says no', { retryable: false }, false],
    ['an error that says something else', { retryable: 'no' }, true],
    ['a text', 'x', true],
    ['null', null, true],
    ['undefined', undefined, true],
  ])('%s: %s', (_name, error, expected) => {
    expect(isRetryable(error)).toBe(expected)
  })
})

describe('retryAfterOf', () => {
  it.each([
    [{ retryAfter: 1500 }, 1500],
    [Object.assign(new Error('x'), { retryAfter: 0 }), 0],
    [{ retryAfter: -1 }, undefined],
    [{ retryAfter: Number.NaN }, undefined],
    [{ retryAfter: Number.POSITIVE_INFINITY }, undefined],
    [{ retryAfter: '1500' }, undefined],
    [{}, undefined],
    ['x', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('of %j is %s', (error, expected) => {
    expect(retryAfterOf(error)).toBe(expected)
  })
})

describe('describeError', () => {
  it.each([
    ['an error', new TypeError('boom'), 'boom'],
    ['a text', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('boom'), 'Symbol(boom)'],
  ])('%s', (_name, error, expected) => {
    expect(describeError(error)).toBe(expected)
  })

  it('has a text for what can’t be made one', () => {
    expect(typeof describeError(Object.create(null))).toBe('string')
  })
})
