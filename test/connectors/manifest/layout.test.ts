import { relative, sep } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  batchOfEntry,
  batchOfStaged,
  entryDraftName,
  entryName,
  layoutOf,
  partName,
} from '../../../src/connectors/manifest/layout.ts'

const id = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '.', '..', '../..', '/', '\\', 'a/b', 'a\0b', '%', '%2F', 'CON', '*', '_epochs', '💧'),
)
const batchId = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs))

describe('the folders of a sink', () => {
  it('lie below its own, two levels deep, whatever the ids are', () => {
    fc.assert(
      fc.property(id, id, (queryId, sinkId) => {
        const { entries, staging, epochs } = layoutOf('/out', queryId, sinkId)
        for (const [folder, depth] of [
          [entries, 3],
          [staging, 3],
          [epochs, 4],
        ] as const) {
          const parts = relative('/out', folder).split(sep)
          expect(parts).toHaveLength(depth)
          for (const part of parts) expect(part).toMatch(/^[\w%~!'()-]+$/)
        }
      }),
    )
  })

  it('are others for another query or another sink', () => {
    fc.assert(
      fc.property(fc.tuple(id, id), fc.tuple(id, id), (one, other) => {
        const same = one[0] === other[0] && one[1] === other[1]
        const [a, b] = [layoutOf('/out', ...one), layoutOf('/out', ...other)]
        expect([a.entries === b.entries, a.staging === b.staging]).toEqual([same, same])
      }),
      {
        examples: [
          [
            ['a', 'b/c'],
            ['a/b', 'c'],
          ],
          [
            ['', 'a'],
            ['%', 'a'],
          ],
          [
            ['%2F', ''],
            ['/', ''],
          ],
        ],
      },
    )
  })
})

describe('the name of a file', () => {
  const unique = fc.uuid()

  it('says its batch, and that of another file says none', () => {
    fc.assert(
      fc.property(batchId, fc.nat(99_999), unique, fc.constantFrom('jsonl', 'parquet'), (batch, part, uuid, ending) => {
        expect(batchOfEntry(entryName(batch))).toBe(batch)
        expect(batchOfStaged(partName(batch, part, uuid, ending))).toBe(batch)
        expect(batchOfStaged(entryDraftName(batch, uuid))).toBe(batch)
        expect(batchOfEntry(partName(batch, part, uuid, ending))).toBeUndefined()
        expect(batchOfEntry(entryDraftName(batch, uuid))).toBeUndefined()
        expect(batchOfStaged(entryName(batch))).toBeUndefined()
      }),
    )
  })

  it('sorts by batch and then by partition', () => {
    const place = fc.tuple(fc.nat(9_999_999_999), fc.nat(99_999))
    fc.assert(
      fc.property(place, place, unique, unique, (a, b, first, second) => {
        const order = a[0] - b[0] || a[1] - b[1]
        fc.pre(order !== 0)
        expect(partName(...a, first, 'jsonl') < partName(...b, second, 'jsonl')).toBe(order < 0)
      }),
    )
  })
})
