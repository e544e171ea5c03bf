import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compiledCheck } from '../../src/schema/compiled-check.ts'

describe('a compiled check', () => {
  const isNumber = (value: unknown): boolean => typeof value === 'number'
  const check = compiledCheck([
    { name: 'id', nullable: false, fits: isNumber },
    { name: '"it\'s" \\ `odd`\u2028', nullable: true, fits: isNumber },
    { name: 'any', nullable: false, fits: undefined },
  ])
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
    ['nothing', {}, false],
  ])('of %s', (_, row, fits) => {
    expect(check?.(row)).toBe(fits)
  })

  it('of no columns', () => {
    expect(compiledCheck([])?.({})).toBe(true)
    expect(compiledCheck([])?.({ a: 1 })).toBe(false)
  })
})

it('rows are checked where no code may be made from texts', () => {
  const src = join(import.meta.dirname, '../../src')
  const program = `
    import { rowChecker, schema } from '${src}/schema.ts'
    import { compiledCheck } from '${src}/schema/compiled-check.ts'
    const table = schema('id int not null, tags array<string>')
    const check = rowChecker(table)
    console.log(compiledCheck([]), check({ id: 1, tags: ['x'] }), check({ id: 1, tags: [2] }), check({ id: 'x', tags: [] }))
  `
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toBe(
    'undefined undefined column "tags[0]": expected string, found a number column "id": expected int, found a string\n',
  )
})
