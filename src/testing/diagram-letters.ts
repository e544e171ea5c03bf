import { isDeepStrictEqual } from 'node:util'

/** Printable, one code point, and without a meaning of its own in a marble diagram. */
const letter = /^[\p{L}\p{N}\p{P}\p{S}]$/u
const reserved = '-()^|#!'

/** `m` and `s` are left out because `5m ` and `5s ` are durations. */
const alphabet = [...'abcdefghijklnopqrtuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ']

/** Where letters go on when the alphabet is used up: Latin Extended and what follows it. */
const beyondAlphabet = 0x100

/**
 * Gives every value a letter, equal values (deeply compared) the same one: a letter under which the test knows the value, else a fresh one.
 * @param known letters and their values, the most fitting first: the first value of a letter counts.
 */
export class Letters {
  readonly #known = new Map<string, unknown>()
  readonly #legend = new Map<string, unknown>()
  #code = beyondAlphabet

  constructor(known: Iterable<readonly [string, unknown]>) {
    for (const [name, value] of known) if (isLetter(name) && !this.#known.has(name)) this.#known.set(name, value)
    if (!this.#known.has('m') && !this.#known.has('s')) return
    for (const name of this.#known.keys()) if (/\d/.test(name)) this.#known.delete(name)
  }

  /** The letters handed out so far with their values, in the order of their first use. */
  get legend(): ReadonlyMap<string, unknown> {
    return this.#legend
  }

  of(value: unknown): string {
    const name = nameOf(this.#legend, value) ?? nameOf(this.#known, value) ?? this.#fresh()
    if (!this.#legend.has(name)) this.#legend.set(name, value)
    return name
  }

  #fresh(): string {
    const free = (name: string) => !this.#known.has(name) && !this.#legend.has(name)
    const name = alphabet.find(free)
    if (name !== undefined) return name
    while (!isLetter(String.fromCodePoint(this.#code)) || !free(String.fromCodePoint(this.#code))) this.#code += 1
    return String.fromCodePoint(this.#code)
  }
}

/** Whether a value can stand in a diagram as it is. */
export function isLetter(value: unknown): value is string {
  return typeof value === 'string' && letter.test(value) && !reserved.includes(value)
}

function nameOf(letters: ReadonlyMap<string, unknown>, value: unknown): string | undefined {
  for (const [name, other] of letters) {
    if (Object.is(other, value)) return name
    // Thousands of distinct values are affordable as long as primitives aren't compared deeply.
    if (typeof other === 'object' && typeof value === 'object' && isDeepStrictEqual(other, value)) return name
  }
  return undefined
}
