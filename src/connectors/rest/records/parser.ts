/** What a body is beside its items. */
export interface Beside {
  /** The body with an empty array in the items' place; `undefined` where it is nothing but items. */
  readonly envelope: unknown
  /** The path of the items; `undefined` where the format or a function knew. */
  readonly records: readonly string[] | undefined
}

/**
 * Takes the items out of the text of a body, pulled piece by piece: gives chunks of whole items, then what is beside them.
 * Errors of the text may be of any class; {@link PortError}s are about what the user asked for.
 */
export type Parser = (text: AsyncIterable<string>) => AsyncGenerator<readonly unknown[], Beside>

/** How much of a body that comes in pieces may be held, in characters: one item, or all that isn't items. */
export const longestHeld = 64 * 1024 * 1024

/** @throws SyntaxError */
export function refuseLongHeld(held: number): void {
  if (held <= longestHeld) return
  throw new SyntaxError(`found ${held} characters that are one item, or none; at most ${longestHeld} are held at once`)
}
