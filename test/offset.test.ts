import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OffsetError } from '../src/errors.ts'
import { canonicalOffset, copyOffset, frozenCopy, type OffsetObject, sameOffset } from '../src/offset.ts'

const { offset } = fc.letrec<{ offset: OffsetObject; value: OffsetObject[string] }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.maxSafeInteger(), fc.string({ unit: 'binary' }), fc.boolean(), tie('offset')),
  offset: fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
}))

/** The same offset with its keys in the opposite order, at every level. */
function reversed(value: OffsetObject): OffsetObject {
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([name, child]) => [name, typeof child === 'object' ? reversed(child) : child]))
}

describe('copyOffset', () => {
  it('is what it was copied from, also after that has changed, and can not change itself', () => {
    const offset = { b: 1, a: { d: 'x' } }
    const copy = copyOffset(offset)
    offset.a.d = 'y'
    for (let look = 0; look < 2; look++) expect(canonicalOffset(copy, 'here')).toBe('{"a":{"d":"x"},"b":1}')
    expect(canonicalOffset(offset, 'here')).toBe('{"a":{"d":"y"},"b":1}')
    expect(sameOffset(copy, { a: { d: 'x' }, b: 1 })).toBe(true)
    expect(() => {
      copy.a.d = 'z'
    }).toThrow(TypeError)
  })

  it('leaves it to the check to refuse what is no offset, each time', () => {
    const copy = copyOffset({ n: 1.5 })
    for (let look = 0; look < 2; look++)
      expect(() => canonicalOffset(copy, 'here')).toThrow('here: n must be a safe integer')
  })
})

describe('frozenCopy', () => {
  /** What a text makes of it, with the order of its keys. */
  const byText = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  const isFrozen = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return true
    return Object.isFrozen(value) && Object.values(value).every(isFrozen)
  }

  it('is what a text would make of any value, frozen at every level', () => {
    const withAccessors = fc.record({ a: fc.jsonValue() }).map(({ a }) => ({
      get a() {
        return a
      },
    }))
    const anything = fc.anything({ withSparseArray: true, withNullPrototype: true, withDate: true, withMap: true })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 7 }), anything, withAccessors, offset), (value) => {
        const text = JSON.stringify(value)
        fc.pre(text !== undefined)
        const copy = frozenCopy(value)
        expect(copy).toStrictEqual(byText(value))
        expect(JSON.stringify(copy)).toBe(text)
        expect(isFrozen(copy)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  class Slice {
    readonly from = 1
  }
  const list = Object.assign([1, 2], { toJSON: () => 'a list' })
  it.each<[string, unknown]>([
    ['a property __proto__', JSON.parse('{"a":1,"__proto__":{"b":2}}')],
    ['toJSON of its own', { a: { toJSON: () => 'other' } }],
    ['a list with toJSON', { list }],
    ['a list with a property', Object.assign([1], { more: 2 })],
    ['a hole in a list', Object.assign(new Array<number>(3), { 0: 1, 2: 3 })],
    ['a class of its own', [new Slice()]],
    ['negative zero', { n: -0 }],
    ['no number', { n: Number.NaN, m: [Infinity] }],
    ['a property that is undefined', { a: undefined, b: 1 }],
    ['a function and a symbol', { f: () => 1, s: Symbol('s'), [Symbol('key')]: 1, b: 1 }],
    ['keys that are numbers', { b: 1, 2: 1, 1: 1 }],
    ['half a character', { s: '\ud800' }],
    ['nothing', [null, {}, []]],
  ])('as a text would: %s', (_what, value) => {
    expect(frozenCopy(value)).toStrictEqual(byText(value))
    expect(JSON.stringify(frozenCopy(value))).toBe(JSON.stringify(value))
  })

  it('refuses a circle as a text does', () => {
    const circle: { again?: unknown } = {}
    circle.again = circle
    expect(() => frozenCopy(circle)).toThrow('circular structure')
  })
})

describe('canonicalOffset', () => {
  it('sorts keys at every level and writes one line', () => {
    expect(canonicalOffset({ b: 1, a: { d: 'x\ny', c: true } }, 'here')).toBe('{"a":{"c":true,"d":"x\\ny"},"b":1}')
    expect(canonicalOffset({}, 'here')).toBe('{}')
  })

  it('sorts by code unit, digits included', () => {
    expect(canonicalOffset({ '10': 1, '9': 2, é: 3, Z: 4, a: 5 }, 'here')).toBe('{"10":1,"9":2,"Z":4,"a":5,"é":3}')
  })

  it('has one zero', () => {
    expect(canonicalOffset({ a: -0 }, 'here')).toBe('{"a":0}')
  })

  it('takes a key named as a property every object inherits', () => {
    const parsed: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":2}')
    expect(canonicalOffset(parsed, 'here')).toBe('{"__proto__":{"a":1},"constructor":2}')
  })

  it('is the same for any order of keys, and survives JSON', () => {
    fc.assert(
      fc.property(offset, (value) => {
        const text = canonicalOffset(value, 'here')
        expect(canonicalOffset(reversed(value), 'here')).toBe(text)
        expect(canonicalOffset(JSON.parse(text), 'here')).toBe(text)
        expect(text).not.toMatch(/[\n\r]/)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    [null, 'this is null'],
    [[1], 'this is an array'],
    [1, 'this is number'],
    ['{"offset":1}', 'this is string'],
    [undefined, 'this is undefined'],
    [new Date(0), 'the offset must be a plain object, and it is a Date'],
    [{ a: 0.5 }, 'a must be a safe integer, and it is 0.5'],
    [{ a: 2 ** 53 }, 'a must be a safe integer, and it is 9007199254740992; write larger'],
    [{ a: NaN }, 'a must be a safe integer, and it is NaN'],
    [{ a: { b: null } }, 'a.b must be an integer, a string, a boolean or an object of these, and it is null'],
    [{ a: undefined }, 'a must be an integer, a string, a boolean or an object of these, and it is undefined'],
    [{ a: 1n }, 'and it is bigint'],
    [{ a: { b: [] } }, 'a.b must be an integer, a string, a boolean or an object of these, and it is an array'],
    [{ a: { b: new Map() } }, 'a.b must be a plain object, and it is a Map'],
  ])('refuses %o and names the place', (value, message) => {
    expect(() => canonicalOffset(value, 'latestOffset of comments')).toThrow(OffsetError)
    expect(() => canonicalOffset(value, 'latestOffset of comments')).toThrow(/^latestOffset of comments: /)
    expect(() => canonicalOffset(value, 'latestOffset of comments')).toThrow(message)
  })
})

describe('sameOffset', () => {
  it('compares what is in them, not how it is written', () => {
    expect(sameOffset({ a: 1, b: { c: 'x', d: false } }, { b: { d: false, c: 'x' }, a: 1 })).toBe(true)
    expect(sameOffset({ a: 1 }, { a: '1' })).toBe(false)
    expect(sameOffset({ a: 1 }, { a: 1, b: 0 })).toBe(false)
    expect(sameOffset({ a: { b: 1 } }, { a: { b: 2 } })).toBe(false)
  })

  it('tells different offsets apart', () => {
    fc.assert(
      fc.property(offset, offset, (a, b) => {
        const plain = (value: OffsetObject): unknown => JSON.parse(JSON.stringify(value))
        const equal = fc.stringify(asEntries(plain(a))) === fc.stringify(asEntries(plain(b)))
        expect(sameOffset(a, b)).toBe(equal)
      }),
      { numRuns: 300 },
    )
  })
})

/** Entries instead of objects, sorted: a form that doesn't depend on the order of keys. */
function asEntries(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, child]) => [name, asEntries(child)] as const)
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}
