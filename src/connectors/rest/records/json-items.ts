import { PortError } from '../../../errors.ts'
import { type NumberOptions, parseJson } from '../../records/parse-json.ts'
import { ArraySearch } from './array-search.ts'
import { backslash, closeArray, closeObject, comma, openArray, openObject, quote } from './json-characters.ts'
import { showPath, valueAt } from './path.ts'
import { refuseItems } from './records.ts'

/**
 * The items of one array of a JSON text that comes in pieces, in bounded memory.
 *
 * The parser is `JSON.parse`; this only finds where items end, and gives it many whole ones at a time. So everything is checked that `JSON.parse` checks,
 * numbers are read as those of a small body are, and it is five times as fast as parsers by token (70–95 MB/s here; @streamparser/json 14–20,
 * stream-json 8 on the same body).
 */
export class JsonItems {
  readonly #path: readonly string[]
  readonly #numbers: NumberOptions
  readonly #search: ArraySearch
  #phase: 'before' | 'items' | 'after' = 'before'
  /** The text without its items: up to and with the bracket that opens the array, and from the one that closes it. */
  #envelope = ''
  /** The text after the last comma between items. */
  #pending = ''
  #depth = 0
  #inString = false
  #escaped = false
  #afterComma = false
  #count = 0

  constructor(path: readonly string[], numbers: NumberOptions = {}) {
    this.#path = path
    this.#numbers = numbers
    this.#search = new ArraySearch(path)
  }

  /** Characters that wait for what follows them. */
  get held(): number {
    return this.#envelope.length + this.#pending.length
  }

  /**
   * @returns the items that became whole.
   * @throws SyntaxError
   */
  write(text: string): readonly unknown[] {
    let from = 0
    if (this.#phase === 'before') {
      const found = this.#search.write(text)
      from = found === undefined ? text.length : found + 1
      this.#envelope += text.slice(0, from)
      if (found === undefined) return []
      this.#phase = 'items'
    }
    if (this.#phase === 'items') return this.#split(text, from)
    this.#envelope += text
    return []
  }

  /**
   * @returns the body with an empty array in the items' place, or with the `null` that stands there.
   * @throws SyntaxError where the text isn't whole, or not JSON.
   * @throws PortError where it has no such array, or two.
   */
  end(): unknown {
    if (this.#phase === 'items')
      throw new SyntaxError(`the text ends in the midst of the array, after item ${this.#count}`)
    const envelope = parseJson(this.#envelope, this.#numbers)
    const found = valueAt(envelope, this.#path)
    if (this.#phase === 'before' && found !== null) throw refuseItems(envelope, this.#path)
    if (this.#phase === 'after' && !(Array.isArray(found) && found.length === 0)) {
      throw new PortError(`expected one array at ${showPath(this.#path)}, found that name twice in one object`)
    }
    return envelope
  }

  #split(text: string, from: number): readonly unknown[] {
    // Locals: this loop sees every character.
    let [depth, inString, escaped] = [this.#depth, this.#inString, this.#escaped]
    let cut = -1
    for (let i = from; i < text.length; i++) {
      const character = text.charCodeAt(i)
      if (inString) {
        if (escaped) escaped = false
        else if (character === backslash) escaped = true
        else if (character === quote) inString = false
      } else if (character === quote) inString = true
      else if (character === openObject || character === openArray) depth++
      else if (character === comma) {
        if (depth === 0) cut = i
      } else if (character === closeObject || character === closeArray) {
        if (depth-- > 0) continue
        this.#phase = 'after'
        this.#envelope += text.slice(i)
        return this.#parse(this.#pending + text.slice(from, i), this.#afterComma)
      }
    }
    this.#depth = depth
    this.#inString = inString
    this.#escaped = escaped
    if (cut < 0) {
      this.#pending += text.slice(from)
      return []
    }
    const whole = this.#pending + text.slice(from, cut)
    this.#pending = text.slice(cut + 1)
    this.#afterComma = true
    return this.#parse(whole, true)
  }

  /** @param needed next to a comma there is an item, so nothing is not an empty array. */
  #parse(text: string, needed: boolean): readonly unknown[] {
    const items = parseJson(`[${text}]`, this.#numbers) as readonly unknown[]
    if (items.length === 0 && needed) throw new SyntaxError(`expected an item after item ${this.#count}, found a comma`)
    this.#count += items.length
    return items
  }
}
