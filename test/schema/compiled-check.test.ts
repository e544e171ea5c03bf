import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compiledCheck } from '../../src/schema/compiled-check.ts'
import { leafCheck, leafTests } from '../../src/schema/leaf-check.ts'

describe('a compiled check', () => {
  const isNumber = (value: unknown): boolean => typeof value === 'number'
  const columns = [
    { name: 'id', nullable: false, fits: isNumber },
    { name: '"it\'s" \\ `odd`\u2028', nullable: true, fits: isNumber, test: "typeof value === 'number'" },
    { name: 'any', nullable: false, fits: undefined },
  ]
  const closer = () => 'closer'
  const check = compiledCheck(columns, closer)
  const checkWithin = compiledCheck(columns, closer, () => 'within')
  const odd = '"it\'s" \\ `odd`\u2028'

  it.each([
    ['all columns in order', { id: 1, [odd]: 2, any: 'x' }, true],
    ['a null where it may be', { id: 1, [odd]: null, any: {} }, true],
    ['a null where it may not be', { id: null, [odd]: 2, any: 1 }, false],
    ['nothing where it may not be', { id: 1, [odd]: 2, any: undefined }, false],
    ['a value that does not fit', { id: 1, [odd]: 'x', any: 1 }, false],
    ['another order', { [odd]: 2, id: 1, any: 1 }, false],
    ['a column less', { id: 1, [odd]: 2 }, false],
    ['a column more', { id: 1, [odd]: 2, any: 1, more: undefined }, false],
    ['a column that nobody sees', Object.defineProperty({ id: 1, any: 1 }, odd, { value: 2 }), false],
    ['no prototype', Object.assign(Object.create(null), { id: 1, [odd]: 2, any: 'x' }), true],
    ['a class', Object.assign(new (class Row {})(), { id: 1, [odd]: 2, any: 'x' }), false],
    ['a list', [], false],
    ['no object', 'x', false],
    ['null', null, false],
    ['nothing', {}, false],
  ])('of %s', (_, row, fits) => {
    expect(check?.(row)).toBe(fits ? undefined : 'closer')
    expect(checkWithin?.(row)).toBe(fits ? 'within' : 'closer')
  })

  it('of no columns', () => {
    expect(compiledCheck([], closer)?.({})).toBeUndefined()
    expect(compiledCheck([], closer)?.({ a: 1 })).toBe('closer')
  })
})

it('rows are checked where no code may be made from texts', () => {
  const src = join(import.meta.dirname, '../../src')
  const program = `
    import { rowChecker, schema } from '${src}/schema.ts'
    import { compiledCheck } from '${src}/schema/compiled-check.ts'
    const table = schema('id int not null, tags array<string>')
    const check = rowChecker(table)
    console.log(compiledCheck([], () => 1), check({ id: 1, tags: ['x'] }), check({ id: 1, tags: [2] }), check({ id: 'x', tags: [] }))
  `
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toBe(
    'undefined undefined column "tags[0]": expected string, found a number column "id": expected int, found a string\n',
  )
})

it('the tests that are written out are those that are called', () => {
  const values = [
    true,
    0,
    -0,
    1.5,
    2 ** 31,
    -(2 ** 31),
    NaN,
    Infinity,
    'x',
    '',
    1n,
    {},
    [],
    new Date(),
    Symbol('s'),
    () => 0,
  ]
  for (const [kind, test] of Object.entries(leafTests)) {
    const fits = leafCheck({ kind } as Parameters<typeof leafCheck>[0])
    const written = new Function('value', `return ${test}`) as (value: unknown) => boolean
    for (const value of values) expect(written(value), `${kind} ${String(value)}`).toBe(fits(value))
  }
})
