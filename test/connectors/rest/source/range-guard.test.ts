import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rowsInRange } from '../../../../src/connectors/rest/source/range-guard.ts'
import type { Extract } from '../../../../src/connectors/rest/source/slicing.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { schema } from '../../../../src/schema.ts'

const extract = { resource: { schema: schema('at bigint') } } as unknown as Extract<{ readonly at: unknown }>
const bound = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.bigInt({ min: -20n, max: 20n }))
const chunks = fc.array(fc.array(bound, { maxLength: 4 }), { maxLength: 5 })

async function through(given: readonly (readonly unknown[])[], from: number, to: number, sortedAndOpen: boolean) {
  const guard = rowsInRange('x', extract, 'at', { sortedAndOpen })
  async function* source() {
    for (const chunk of given) yield chunk.map((at) => ({ at }))
  }
  const found: unknown[] = []
  try {
    for await (const rows of guard(source(), { from, to })) found.push(...rows.map(({ at }) => at))
    return { found, refused: false }
  } catch (error) {
    expect(error).toBeInstanceOf(PortError)
    return { found, refused: true }
  }
}

it('rows of a range pass, and one outside of it fails the slice', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: -20, max: 20 }), fc.nat(30), async (given, from, length) => {
      const to = from + length
      const all = given.flat()
      const { found, refused } = await through(given, from, to, false)
      expect(refused).toBe(all.some((at) => at < from || at >= to))
      expect(found.every((at) => (at as number) >= from && (at as number) < to)).toBe(true)
      if (!refused) expect(found).toEqual(all)
    }),
  )
})

it('where no end can be asked for, rows up to the end pass, the rest is the next slice’s, and rows out of order fail it', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: -20, max: 20 }), fc.nat(30), async (given, from, length) => {
      const to = from + length
      const all = given.flat()
      const end = all.findIndex((at) => at >= to)
      const mine = end < 0 ? all : all.slice(0, end)
      const isRight = mine.every((at, index) => at >= from && (index === 0 || at >= (mine[index - 1] as number)))
      const { found, refused } = await through(given, from, to, true)
      expect(refused).toBe(!isRight)
      if (!refused) expect(found).toEqual(mine)
    }),
  )
})

it.each([null, undefined, 'text', {}])('a row whose bound is %j fails the slice', async (at) => {
  expect((await through([[at]], 0, 1, false)).refused).toBe(true)
})

it('a column that the schema lacks is refused at once', () => {
  expect(() => rowsInRange('x', extract, 'id')).toThrow(OptionError)
})
