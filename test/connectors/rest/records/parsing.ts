import fc from 'fast-check'
import type { Parser } from '../../../../src/connectors/rest/records/parser.ts'

/** All items and what is beside them, of a text that comes in pieces. */
export async function parsed(
  parser: Parser,
  ...pieces: readonly string[]
): Promise<{ items: unknown[]; envelope: unknown; records: readonly string[] | undefined }> {
  const parsing = parser(each(pieces))
  const items: unknown[] = []
  for (;;) {
    const next = await parsing.next()
    if (next.done === true) return { items, ...next.value }
    items.push(...next.value)
  }
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

/** Of a length. Not a double, which is mostly tiny. */
export const fraction = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000)

/** Where a text is cut. */
export const cuts = fc.array(fraction, { maxLength: 8 })

/** The text cut at the given fractions of its length. */
export function cutAt(text: string, fractions: readonly number[]): readonly string[] {
  const cuts = [
    0,
    ...fractions.map((fraction) => Math.floor(fraction * text.length)).sort((a, b) => a - b),
    text.length,
  ]
  return cuts.slice(1).map((to, index) => text.slice(cuts[index], to))
}
