import { type Observable, tap } from 'rxjs'
import { OptionError, PortError } from '../../../errors.ts'
import { ask } from '../../../offsets/positions.ts'
import type { Result } from '../../../result.ts'
import type { Fields } from './fields.ts'

/** One thing of a list: its name, or fields of which one is its name. */
export type ListItem = string | Fields

/** The list, and what it was when it was last asked for. */
export class Listed {
  readonly #owner: string
  readonly #key: string
  readonly #items: readonly ListItem[] | (() => Result<readonly ListItem[]>)
  #named: ReadonlyMap<string, Fields> = new Map()

  constructor(owner: string, key: string, items: readonly ListItem[] | (() => Result<readonly ListItem[]>)) {
    this.#owner = owner
    this.#key = key
    this.#items = items
  }

  now(): Observable<ReadonlyMap<string, Fields>> {
    const items = this.#items
    return ask(
      `the list of ${this.#owner}`,
      () => (typeof items === 'function' ? items() : items),
      'a list of texts or of objects',
      (answer) => (Array.isArray(answer) ? namedItems(this.#owner, this.#key, answer) : undefined),
    ).pipe(
      tap((named) => {
        this.#named = named
      }),
    )
  }

  has(name: string): boolean {
    return this.#named.has(name)
  }

  fieldsOf(name: string): Fields {
    const fields = this.#named.get(name)
    if (fields !== undefined) return fields
    throw new PortError(`${this.#owner}: ${JSON.stringify(name)} isn't in the list`)
  }

  nameOf(fields: Fields): string {
    return String(fields[this.#key])
  }
}

/** The items by their names. @throws OptionError for one without a name, and for a name that is there twice. */
export function namedItems(owner: string, key: string, items: readonly ListItem[]): ReadonlyMap<string, Fields> {
  const named = new Map<string, Fields>()
  for (const [index, item] of items.entries()) {
    const fields: Fields = typeof item === 'object' ? item : { [key]: item }
    const name = fields[key]
    if (name === undefined || name === null || name === '')
      throw new OptionError(
        `${owner}: item ${index} has no ${JSON.stringify(key)} to name it; say which field does with option "key"`,
      )
    if (named.has(String(name))) throw new OptionError(`${owner}: ${JSON.stringify(name)} is in the list twice`)
    named.set(String(name), fields)
  }
  return named
}
