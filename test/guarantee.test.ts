import { describe, expect, it } from 'vitest'
import {
  atLeast,
  computeGuarantee,
  type GuaranteeInput,
  type GuaranteeLevel,
  guaranteeLevels,
  weakerGuarantee,
} from '../src/guarantee.ts'
import type { WriterGuarantee } from '../src/sink.ts'

const levels = { A: 'at-least-once', F: 'effectively-once', X: 'exactly-once' } as const
const writers: readonly WriterGuarantee[] = [
  'transactional',
  { idempotent: 'key' },
  { idempotent: 'position' },
  'append',
]
/** Every source, and what each writer makes of it: with operators known to be deterministic, and with others. */
const table: readonly (readonly [
  Pick<GuaranteeInput, 'reader' | 'identity' | 'repeatable'>,
  deterministic: string,
  other: string,
])[] = [
  //                                              transactional, key, position, append
  [{ reader: 'replayable' }, '                    XFFA', 'XAAA'],
  [{ reader: 'replayable', identity: true }, '    XFFA', 'XAAA'],
  [{ reader: 'replayable', identity: false }, '   XFFA', 'XAAA'],
  [{ reader: 'replayable', repeatable: false }, ' XFAA', 'XAAA'],
  [{ reader: 'acked' }, '                         AFAA', 'AAAA'],
  [{ reader: 'acked', identity: true }, '         AFAA', 'AAAA'],
  [{ reader: 'acked', identity: false }, '        AFAA', 'AAAA'],
  [{ reader: 'journaled' }, '                     AFAA', 'AAAA'],
  [{ reader: 'journaled', identity: false }, '    AFAA', 'AAAA'],
  [{ reader: 'journaled', identity: true }, '     XFFA', 'XAAA'],
]
const cases = table.flatMap(([source, withDeterministic, withOthers]) =>
  [true, false].flatMap((deterministic) =>
    [...(deterministic ? withDeterministic : withOthers).trim()].map((letter, index) => ({
      input: { ...source, deterministic, writer: writers[index] as WriterGuarantee },
      level: levels[letter as keyof typeof levels],
    })),
  ),
)

describe('computeGuarantee', () => {
  it('is tested for every combination', () => {
    expect(cases).toHaveLength(10 * 2 * 4)
  })

  it.each(cases.map(({ input, level }) => [JSON.stringify(input), level, input] as const))(
    '%s with a durable checkpoint: %s',
    (_name, level, input) => {
      expect(computeGuarantee({ ...input, durable: true }).level).toBe(level)
    },
  )

  it('is at least once with any checkpoint that does not outlive the process, and says that this is why', () => {
    for (const { input } of cases) {
      const { level, reason } = computeGuarantee({ ...input, durable: false })
      expect(level).toBe('at-least-once')
      expect(reason).toMatch(/checkpoint does not outlive the process/)
    }
  })

  it('never promises less for operators that are known to be deterministic', () => {
    for (const { input } of cases.filter(({ input }) => !input.deterministic)) {
      const { level } = computeGuarantee({ ...input, durable: true })
      const better = computeGuarantee({ ...input, deterministic: true, durable: true })
      expect(atLeast(better.level, level)).toBe(true)
    }
  })

  it.each<[Omit<GuaranteeInput, 'durable'>, RegExp]>([
    [{ reader: 'replayable', writer: 'append', deterministic: true }, /sink appends/],
    [
      { reader: 'replayable', writer: { idempotent: 'position' }, deterministic: false },
      /operator is not known to be deterministic.*deterministic\(operator\)/,
    ],
    [{ reader: 'acked', writer: 'transactional', deterministic: true }, /crash before the acknowledgement.*journaled/],
    [
      { reader: 'journaled', writer: 'transactional', deterministic: true },
      /crash between journal and acknowledgement.*identity mends/,
    ],
    [{ reader: 'replayable', writer: { idempotent: 'position' }, deterministic: true }, /idempotency keys/],
    [{ reader: 'replayable', writer: { idempotent: 'key' }, deterministic: true }, /by their key/],
  ])('says what is in the way of more: %j', (input, reason) => {
    expect(computeGuarantee({ ...input, durable: true }).reason).toMatch(reason)
  })
})

describe('the reason says where the rows of an acknowledged queue are:', () => {
  const disk = /after the acknowledgement the rows' durability is that of the checkpoint's disk, not the broker's$/
  const reasonsOf = (reader: GuaranteeInput['reader'], identity: boolean, durable = true) =>
    writers
      .filter((writer) => writer !== 'append')
      .map((writer) => computeGuarantee({ reader, identity, writer, deterministic: true, durable }).reason)

  it('of a journaled one on the disk, for every promise above at-least-once', () => {
    const reasons = reasonsOf('journaled', true)
    expect(reasons).toEqual([
      expect.stringMatching(
        /^batches are replayed with the same range, .* the sink takes each batch once; after the ack/,
      ),
      expect.stringMatching(/^a replayed batch overwrites its rows by their key; after the ack/),
      expect.stringMatching(/^a replayed batch repeats its requests .* which the receiver drops; after the ack/),
    ])
    for (const reason of reasons) expect(reason).toMatch(disk)
  })

  it('of no other source, which can be read again or acknowledges only what was written', () => {
    for (const reason of [
      ...reasonsOf('replayable', false),
      ...reasonsOf('replayable', true),
      ...reasonsOf('acked', true),
    ])
      expect(reason).not.toMatch(/disk/)
  })
})

describe('weakerGuarantee', () => {
  it.each<[WriterGuarantee, WriterGuarantee, WriterGuarantee]>([
    ['transactional', 'transactional', 'transactional'],
    ['transactional', { idempotent: 'key' }, { idempotent: 'position' }],
    ['transactional', { idempotent: 'position' }, { idempotent: 'position' }],
    ['transactional', 'append', 'append'],
    [{ idempotent: 'key' }, { idempotent: 'key' }, { idempotent: 'key' }],
    [{ idempotent: 'key' }, { idempotent: 'position' }, { idempotent: 'position' }],
    [{ idempotent: 'key' }, 'append', 'append'],
    [{ idempotent: 'position' }, 'append', 'append'],
  ])('of %j and %j is %j, in either order', (a, b, weaker) => {
    expect([weakerGuarantee(a, b), weakerGuarantee(b, a)]).toEqual([weaker, weaker])
  })

  it('promises of no source more than either sink does', () => {
    for (const { input } of cases) {
      for (const other of writers) {
        const level = (writer: WriterGuarantee) => computeGuarantee({ ...input, writer, durable: true }).level
        const both = level(weakerGuarantee(input.writer, other))
        expect([atLeast(level(input.writer), both), atLeast(level(other), both)]).toEqual([true, true])
      }
    }
  })
})

describe('atLeast', () => {
  it('orders the levels from weakest to strongest', () => {
    expect(guaranteeLevels).toEqual(['at-least-once', 'effectively-once', 'exactly-once'])
    const met = (level: GuaranteeLevel) => guaranteeLevels.filter((wanted) => atLeast(level, wanted))
    expect(met('at-least-once')).toEqual(['at-least-once'])
    expect(met('effectively-once')).toEqual(['at-least-once', 'effectively-once'])
    expect(met('exactly-once')).toEqual(['at-least-once', 'effectively-once', 'exactly-once'])
  })
})
