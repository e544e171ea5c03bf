import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPath, namesOf, showPath, valueAt, withValueAt } from '../../../../src/connectors/rest/records/path.ts'
import { PortError } from '../../../../src/errors.ts'

describe('a path', () => {
  const body = { data: { items: [{ id: 1 }, { id: 2 }] }, 'a.b': 3, none: null }

  it.each([
    ['', body],
    ['data.items.1.id', 2],
    [['a.b'], 3],
    ['none', null],
    ['none.deeper', undefined],
    ['data.missing', undefined],
    ['data.items.2', undefined],
  ])('%j leads to a value', (path, value) => {
    expect(valueAt(body, path)).toEqual(value)
  })

  it('doesn’t lead to what a body inherits', () => {
    expect(valueAt(body, 'constructor')).toBeUndefined()
    expect(valueAt([], 'push')).toBeUndefined()
    expect(valueAt('text', 'length')).toBeUndefined()
  })

  it('puts a value into a copy, and makes the objects on the way', () => {
    const changed = withValueAt(body, 'data.items.0.id', 9)
    expect(valueAt(changed, 'data.items')).toEqual([{ id: 9 }, { id: 2 }])
    expect(body.data.items[0]).toEqual({ id: 1 })
    expect(withValueAt(undefined, 'page.after', 'x')).toEqual({ page: { after: 'x' } })
    expect(withValueAt({ page: { size: 2 } }, 'page.after', 'x')).toEqual({ page: { size: 2, after: 'x' } })
  })

  it('puts nothing into what isn’t an object', () => {
    expect(() => withValueAt({ page: 1 }, 'page.after', 'x')).toThrow(PortError)
    expect(() => withValueAt(null, 'page', 'x')).toThrow('expected an object to put "page" into, found null')
    expect(() => withValueAt({ filters: [] }, 'filters.0.value', 'x')).toThrow(
      'expected an item "0" in a list, found a list of 0',
    )
  })

  it('is shown, and checked', () => {
    expect([showPath('a.b'), showPath(['a', 'b.c']), showPath('')]).toEqual(['a.b', 'a.b.c', 'the body itself'])
    expect(['', 'a.b', ['a.b'], []].map(isPath)).toEqual([true, true, true, true])
    expect(['a..b', '.a', 1, [1], undefined, {}].map(isPath)).toEqual([false, false, false, false, false, false])
  })
})

describe('any path', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', '0', 'constructor', '__proto__', 'toString', 'length'), fc.string())
  const names = fc.array(name, { maxLength: 4 })
  const body = fc.letrec<{ body: unknown }>((tie) => ({
    body: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(1, 'x', null, true),
      fc.array(tie('body'), { maxLength: 3 }),
      fc.dictionary(name, tie('body'), { maxKeys: 4 }),
    ),
  })).body

  it('finds what was put there, changes nothing else, and leaves the body as it was', () => {
    fc.assert(
      fc.property(body, names, fc.anything(), (before, path, value) => {
        const text = JSON.stringify(before)
        let after: unknown
        try {
          after = withValueAt(before, path, value)
        } catch (error) {
          expect(error).toBeInstanceOf(PortError)
          return
        } finally {
          expect(JSON.stringify(before)).toBe(text)
        }
        expect(valueAt(after, path)).toBe(value)
        const others = leavesOf(before).filter(([other]) => !isAbove(path, other) && !isAbove(other, path))
        for (const [other, leaf] of others) expect(valueAt(after, other)).toBe(leaf)
      }),
    )
  })

  it('never leads to what isn’t the body’s own', () => {
    fc.assert(
      fc.property(body, names, (value, path) => {
        const found = valueAt(value, path)
        if (found === undefined) return
        expect(leavesOf(value, true).map(([place]) => JSON.stringify(place))).toContain(JSON.stringify(path))
      }),
    )
  })

  it('is the same as one text, where no name has a dot or is empty', () => {
    const plain = fc.array(
      name.filter((one) => one !== '' && !one.includes('.')),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(plain, (path) => {
        expect(namesOf(path.join('.'))).toEqual(path)
      }),
    )
  })

  const isAbove = (above: readonly string[], place: readonly string[]): boolean =>
    above.every((part, at) => place[at] === part)

  /** Every place in a body, and what is there. @param inner also lists and objects. */
  function leavesOf(value: unknown, inner = false, at: readonly string[] = []): [readonly string[], unknown][] {
    if (typeof value !== 'object' || value === null) return [[at, value]]
    const below = Object.entries(value).flatMap(([key, one]) => leavesOf(one, inner, [...at, key]))
    return inner
      ? [
          [at, value],
          ...(Array.isArray(value) ? [[[...at, 'length'], value.length] as [string[], unknown]] : []),
          ...below,
        ]
      : below
  }
})
