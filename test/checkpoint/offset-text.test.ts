import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatOffset, parseOffset } from '../../src/checkpoint/offset-text.ts'
import { CheckpointCorruptError, OffsetError } from '../../src/errors.ts'

// Recorded from Python 3.11, json.dumps.
const recorded: [object, string][] = [
  [{ seq: 200 }, '{"seq": 200}'],
  [{ 'partition-1': 2 }, '{"partition-1": 2}'],
  [
    { b: 1, a: 'x', nested: { t: true, f: false, deep: {} } },
    '{"b": 1, "a": "x", "nested": {"t": true, "f": false, "deep": {}}}',
  ],
  [{ é: 'ü€\u{1F600}\ud800' }, '{"\\u00e9": "\\u00fc\\u20ac\\ud83d\\ude00\\ud800"}'],
  [
    { q: '"\\/\b\f\n\r\t\x00\x1f\x7f\x80\u2028' },
    '{"q": "\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u0080\\u2028"}',
  ],
  [{}, '{}'],
  [{ big: 9007199254740991, neg: -5 }, '{"big": 9007199254740991, "neg": -5}'],
]

describe('formatOffset', () => {
  it.each(recorded)('writes %j as json.dumps does', (offset, text) => {
    expect(formatOffset(offset, 'offset')).toBe(text)
  })

  it('writes -0 as 0', () => {
    expect(formatOffset({ seq: -0 }, 'offset')).toBe('{"seq": 0}')
  })

  it.each([[{ seq: 1.5 }], [{ seq: null }], [{ seq: [1] }], [{ seq: 2 ** 60 }], [[1]]])('refuses %j', (offset) => {
    expect(() => formatOffset(offset, 'offset')).toThrow(OffsetError)
  })
})

describe('parseOffset', () => {
  it.each(recorded)('reads %j back', (offset, text) => {
    expect(parseOffset(text, 'offsets/0')).toEqual(offset)
  })

  it('reads what the JVM writes without spaces', () => {
    expect(parseOffset('{"logOffset":0}', 'offsets/0')).toEqual({ logOffset: 0 })
  })

  it.each([
    '',
    '1',
    '{"seq": 1',
    '{"seq": 1.0}',
    '{"seq": 1e3}',
    '{"seq": 9007199254740993}',
    '{"seq": 9007199254740990.6}',
    '{"seq": null}',
    '[1]',
    'null',
  ])('refuses %j rather than changing it', (text) => {
    expect(() => parseOffset(text, 'offsets/7')).toThrow(CheckpointCorruptError)
    expect(() => parseOffset(text, 'offsets/7')).toThrow('offsets/7')
  })
})

describe('any offset', () => {
  // __proto__ would be the prototype of a literal, and Python's dictionaries have no such name either.
  const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__')
  const leaf = fc.oneof(fc.maxSafeInteger(), fc.boolean(), fc.string({ unit: 'binary' }))
  const offset = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf)))))

  it('is one line of plain ASCII, and comes back with its keys in their order', () => {
    fc.assert(
      fc.property(offset, (one) => {
        const text = formatOffset(one, 'offset')
        expect(text).toMatch(/^[\x20-\x7e]*$/)
        expect(JSON.stringify(parseOffset(text, 'offset'))).toBe(JSON.stringify(one).replaceAll('-0', '0'))
      }),
      { examples: [[{ a: -0 }], [{ '2': 1, '1': { é: '\ud800' } }]] },
    )
  })
})
