import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstByte, type LineRange, lineBlocks, withoutMark } from '../../../src/connectors/files/lines.ts'
import { FileRefusedError } from '../../../src/errors.ts'

/** The bytes of a file from a place on, in chunks of these lengths. */
async function* chunked(file: Buffer, from: number, lengths: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = from, turn = 0; at < file.length; turn++) {
    const length = lengths[turn % lengths.length] as number
    yield file.subarray(at, at + length)
    at += length
  }
}

async function linesIn(
  file: Buffer,
  { from, to }: { from: number; to: number },
  lengths: readonly number[],
  longest = Infinity,
): Promise<{ text: string; offset: number }[]> {
  const range: LineRange = { from, to, longest, path: 'a' }
  const lines: { text: string; offset: number }[] = []
  for await (const block of lineBlocks(chunked(file, firstByte(from), lengths), range)) {
    const { bytes, offset } = withoutMark(block)
    let at = offset
    for (const text of bytes.toString().split(/(?<=\n)/)) {
      lines.push({ text, offset: at })
      at += Buffer.byteLength(text)
    }
  }
  return lines
}

const line = fc.string({ unit: fc.constantFrom('a', 'é', '€', '𝄞', '"', ' ', '\u2028', '\r'), maxLength: 6 })
const file = fc
  .record({
    lines: fc.array(line, { maxLength: 8 }),
    ending: fc.constantFrom('\n', '\r\n'),
    hasLastEnding: fc.boolean(),
    marked: fc.boolean(),
  })
  .map(({ lines, ending, hasLastEnding, marked }) => {
    const text = lines.join(ending) + (hasLastEnding ? ending : '')
    return { text, bytes: Buffer.from((marked ? '\uFEFF' : '') + text), mark: marked ? 3 : 0 }
  })
const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })

describe('lines', () => {
  it('of slices that tile a file are each there once, in order, at their places, wherever the cuts are', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 12 }), lengths, async ({ text, bytes, mark }, step, chunks) => {
        const found: { text: string; offset: number }[] = []
        for (let from = 0; from < bytes.length; from += step)
          found.push(...(await linesIn(bytes, { from, to: Math.min(from + step, bytes.length) }, chunks)))
        const all = text === '' ? [] : text.split(/(?<=\n)/)
        expect(found.map((one) => one.text).filter((one) => one !== '')).toEqual(all)
        for (const one of found)
          expect(bytes.subarray(one.offset, one.offset + Buffer.byteLength(one.text)).toString()).toBe(one.text)
        expect(found.every(({ offset }) => offset >= mark)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('that are too long are refused without being held', async () => {
    const huge = Buffer.from(`${'x'.repeat(100)}\n`)
    await expect(linesIn(huge, { from: 0, to: 101 }, [7], 50)).rejects.toThrow(FileRefusedError)
    await expect(linesIn(huge, { from: 2, to: 101 }, [7], 50)).rejects.toThrow('longer one at byte 2')
    expect(await linesIn(huge, { from: 0, to: 101 }, [7], 101)).toHaveLength(1)
  })
})
