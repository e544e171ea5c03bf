import { describe, expect, it } from 'vitest'
import { isPath, showPath, valueAt, withValueAt } from '../../../../src/connectors/rest/records/path.ts'
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
  })

  it('is shown, and checked', () => {
    expect([showPath('a.b'), showPath(['a', 'b.c']), showPath('')]).toEqual(['a.b', 'a.b.c', 'the body itself'])
    expect(['', 'a.b', ['a.b'], []].map(isPath)).toEqual([true, true, true, true])
    expect(['a..b', '.a', 1, [1], undefined, {}].map(isPath)).toEqual([false, false, false, false, false, false])
  })
})
