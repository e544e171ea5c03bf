import { matchesGlob } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileGlob } from '../../../src/connectors/files/glob.ts'
import { OptionError } from '../../../src/errors.ts'

const piece = fc.constantFrom('*', '**/', '?', 'a', 'b', '.', '/', '[ab]', '[!a]', '{a,b}', '{a,*.b}', '-', '+', '(')
const path = fc
  .array(fc.constantFrom('a', 'b', 'c', '.', '-', '+', '('), { minLength: 1, maxLength: 3 })
  .map((names) => names.join(''))
const paths = fc.array(path, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))

/** What the two would read in another way, and nobody writes. */
const odd = /\/\/|^\/|\/$|^!|\*\*[^/]|[^/]\*\*|\*\/\*\*\/.*\{|\(|(^|\/)\.\.?(\/|$)/

it('a pattern matches what it does for Node', () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), paths, (pieces, at) => {
      const pattern = pieces.join('')
      fc.pre(!odd.test(pattern) && !/(^|\/)\./.test(at))
      expect([pattern, at, compileGlob(pattern).matches(at)]).toEqual([pattern, at, matchesGlob(at, pattern)])
    }),
    { numRuns: 5_000 },
  )
})

it('says how deep a match can lie', () => {
  const depths = ['*', 'a/*.json', '{a,b/c}/*', '**/*.csv', 'a+/[0-9]+'].map((pattern) => compileGlob(pattern).depth)
  expect(depths).toEqual([0, 1, 2, Infinity, 1])
})

it('takes braces of thousands of names, and leaves none of them out', () => {
  const glob = compileGlob('{a,b}'.repeat(13))
  expect(['a'.repeat(13), 'b'.repeat(13), 'a'.repeat(14)].map(glob.matches)).toEqual([true, true, false])
  expect(() => compileGlob('{a,b}'.repeat(14))).toThrow(/more than 10000 patterns/)
  expect(() => compileGlob(`${'['.repeat(5_000)}]`)).toThrow(/may have 1000 characters, and it has 5001/)
})

it.each(['/abs/*', '../up', 'a/../b', '{a', '[a', '{a}{b', 'a[b]c[d'])('%s is refused', (pattern) => {
  expect(() => compileGlob(pattern)).toThrow(OptionError)
})
