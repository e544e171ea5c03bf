import { isDeepStrictEqual } from 'node:util'
import { PortError } from '../../../errors.ts'
import type { RunWatch } from './run-watch.ts'
import type { PageEnd, PageState } from './types.ts'

/** What keeps a run from going on for ever. */
export interface RunLimits {
  /** More pages than this in one run, in a stream for one batch, are an error: a pagination that doesn't end. @default 10_000 */
  readonly maxPages?: number
  /** More empty pages than this one after the other are an error. @default 100 */
  readonly maxEmptyPages?: number
  /**
   * Whether a page may have as many items as the one before, and the same first and last. Otherwise that is an error: the API seems to ignore
   * where it was asked to go on. A page of one item may always be like the one before. @default false
   */
  readonly allowEqualPages?: boolean
}

/** Looks at each step of a run of pages. One a run. */
export class RunGuard {
  readonly #maxPages: number
  readonly #maxEmptyPages: number
  readonly #allowEqualPages: boolean
  readonly #states = new Set<string>()
  #empty = 0
  #before: PageEnd | undefined

  readonly #watch: Pick<RunWatch, 'batch'> | undefined
  #batch = 0

  /** @param watch of a run that goes on from batch to batch. */
  constructor(
    { maxPages = 10_000, maxEmptyPages = 100, allowEqualPages = false }: RunLimits,
    watch?: Pick<RunWatch, 'batch'>,
  ) {
    this.#watch = watch
    this.#maxPages = maxPages
    this.#maxEmptyPages = maxEmptyPages
    this.#allowEqualPages = allowEqualPages
  }

  /** @throws PortError for a page that is the one before again. */
  checkPage(page: PageEnd): void {
    const before = this.#before
    this.#before = page
    this.#empty = page.count === 0 ? this.#empty + 1 : 0
    if (before === undefined || this.#allowEqualPages || page.count < 2 || page.count !== before.count) return
    if (!isDeepStrictEqual(page.first, before.first) || !isDeepStrictEqual(page.last, before.last)) return
    throw new PortError(
      `expected another page, found the one before again: ${page.count} rows, the first and the last the same. Does the API know the parameter that asks for the page? If pages may be equal, set "allowEqualPages"`,
    )
  }

  /**
   * Lets the run go on to a page.
   * @throws PortError for a state that was there before, or beyond a limit.
   */
  checkState(state: PageState): void {
    this.#forgetBatches()
    const key = JSON.stringify(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (this.#states.has(key)) {
      throw new PortError(
        `expected a new ${Object.keys(state).join(', ') || 'state'} for the next page, found one that came before in this run: it would never end`,
      )
    }
    if (this.#states.size >= this.#maxPages) {
      throw new PortError(
        `expected the last page within ${this.#maxPages}, found that there are more; raise "maxPages" if that is right`,
      )
    }
    if (this.#empty > this.#maxEmptyPages) {
      throw new PortError(
        `expected rows, found ${this.#empty} empty pages one after the other that lead to more; raise "maxEmptyPages" if that is right`,
      )
    }
    this.#states.add(key)
  }

  /** A run that goes in circles brings no new rows, so it does within one batch. */
  #forgetBatches(): void {
    const { batch = 0 } = this.#watch ?? {}
    if (batch === this.#batch) return
    this.#batch = batch
    this.#states.clear()
  }
}
