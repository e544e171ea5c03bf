import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkpointName, entryName, listingOf } from '../../../src/connectors/delta/log-names.ts'

const version = fc.oneof(fc.nat(30), fc.maxSafeInteger().map(Math.abs))
const parts = fc.record({ version, count: fc.integer({ min: 1, max: 4 }), missing: fc.option(fc.nat(3)) })
const noise = fc.oneof(
  fc.constantFrom('_last_checkpoint', '00000000000000000001.crc', '.00000000000000000001.json.tmp', '1.json'),
  fc.string(),
)

it('a listing has every entry and every whole checkpoint, in order, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(version),
      fc.uniqueArray(version),
      fc.uniqueArray(parts, { selector: (one) => one.version }),
      fc.array(noise),
      (entries, whole, multipart, others) => {
        const pad = (number: number, width: number) => String(number).padStart(width, '0')
        const partNames = multipart.flatMap(({ version: of, count, missing }) =>
          Array.from({ length: count }, (_, part) => part + 1)
            .filter((part) => part - 1 !== missing)
            .map((part) => `${pad(of, 20)}.checkpoint.${pad(part, 10)}.${pad(count, 10)}.parquet`),
        )
        const names = [...entries.map(entryName), ...whole.map(checkpointName), ...partNames, ...others]
        const { entries: found, checkpoints } = listingOf(names.toReversed())
        expect(found).toEqual(entries.toSorted((a, b) => a - b))
        const complete = multipart.filter(({ missing, count }) => missing === null || missing >= count)
        expect([...checkpoints.keys()].sort((a, b) => a - b)).toEqual(
          [...new Set([...whole, ...complete.map((one) => one.version)])].sort((a, b) => a - b),
        )
        for (const one of whole) expect(checkpoints.get(one)).toEqual([checkpointName(one)])
        for (const { version: of, count } of complete)
          if (!whole.includes(of)) expect(checkpoints.get(of)).toHaveLength(count)
      },
    ),
  )
})
