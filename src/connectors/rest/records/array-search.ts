import { backslash, closeArray, closeObject, colon, comma, openArray, openObject, quote } from './json-characters.ts'

/** Finds where the array at a path begins, in a JSON text that comes in pieces. Doesn't check the text: a parser does later. */
export class ArraySearch {
  readonly #path: readonly string[]
  /** For each open object the current name, for each open array the current index. */
  readonly #at: (string | number)[] = []
  #inString = false
  #escaped = false
  #nameNext = false
  /** A name's text so far; `undefined` outside of names. */
  #name: string | undefined

  constructor(path: readonly string[]) {
    this.#path = path
  }

  /** @returns where in this piece the array's opening bracket stands. */
  write(text: string): number | undefined {
    let from = 0
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i)
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (character === backslash) this.#escaped = true
        else if (character === quote) {
          this.#inString = false
          if (this.#name !== undefined) this.#at[this.#at.length - 1] = unquote(this.#name + text.slice(from, i + 1))
          this.#name = undefined
        }
        continue
      }
      switch (character) {
        case quote:
          this.#inString = true
          // Deeper names can't lead to the array.
          if (this.#nameNext && this.#at.length <= this.#path.length) {
            this.#name = ''
            from = i
          }
          break
        case openArray:
          if (this.#isHere()) return i
          this.#at.push(0)
          this.#nameNext = false
          break
        case openObject:
          this.#at.push('')
          this.#nameNext = true
          break
        case closeArray:
        case closeObject:
          this.#at.pop()
          this.#nameNext = false
          break
        case colon:
          this.#nameNext = false
          break
        case comma:
          this.#next()
      }
    }
    if (this.#name !== undefined) this.#name += text.slice(from)
    return undefined
  }

  #isHere(): boolean {
    return this.#at.length === this.#path.length && this.#path.every((name, depth) => name === String(this.#at[depth]))
  }

  #next(): void {
    const at = this.#at.at(-1)
    if (typeof at === 'number') this.#at[this.#at.length - 1] = at + 1
    this.#nameNext = typeof at === 'string'
  }
}

function unquote(text: string): string {
  return String(JSON.parse(text))
}
