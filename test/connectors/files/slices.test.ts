import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FoundFile } from '../../../src/connectors/files/listing.ts'
import { slicesOf } from '../../../src/connectors/files/slices.ts'

const file = fc.record({ size: fc.oneof(fc.nat(50), fc.nat(5_000)), splittable: fc.boolean() })

it('slices tile every file, in order, and none is larger than it has to be', () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 30 }), fc.integer({ min: 1, max: 400 }), (made, splitBytes) => {
      const files = made.map(({ size }, at): FoundFile => ({ path: `f${at}`, size, modified: at }))
      const isSplittable = (path: string): boolean => made[Number(path.slice(1))]?.splittable === true
      const partitions = slicesOf(files, splitBytes, isSplittable)
      const slices = partitions.flatMap((partition) => partition.files)

      // One after the other they are the files, without those that are empty.
      const expected = files.flatMap(({ path, size }) => Array.from({ length: size }, (_, at) => `${path}@${at}`))
      const found = slices.flatMap(({ path, from, to }) => {
        expect(from).toBeLessThan(to)
        return Array.from({ length: to - from }, (_, at) => `${path}@${from + at}`)
      })
      expect(found).toEqual(expected)
      for (const { path, size, modified } of slices)
        expect({ path, size, modified }).toEqual(files[Number(path.slice(1))])

      for (const partition of partitions) {
        const bytes = partition.files.reduce((sum, { from, to }) => sum + to - from, 0)
        if (bytes > splitBytes) {
          expect(partition.files).toHaveLength(1)
          expect(isSplittable(partition.files[0]?.path ?? '')).toBe(false)
        }
      }
      expect(JSON.parse(JSON.stringify(partitions))).toEqual(partitions)
    }),
  )
})

it('more than a thousand small files are no one partition', () => {
  const files = Array.from({ length: 2_500 }, (_, at) => ({ path: `f${at}`, size: 1, modified: 0 }))
  expect(slicesOf(files, 1e9, () => false).map((partition) => partition.files.length)).toEqual([1_000, 1_000, 500])
})
