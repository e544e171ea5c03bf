import { PortError } from '../../../errors.ts'
import { canonicalOffset } from '../../../offset.ts'
import { type OpenAnswers, RunWatch } from '../pagination/run-watch.ts'
import { inOrder } from './batch-order.ts'
import type { Cursor } from './cursor.ts'
import { type CursorOffset, CursorPosition } from './cursor-position.ts'

/** Begins a pagination run at a position: the rows after it, each once. */
export type BeginRun<Row extends object> = (
  start: CursorOffset,
  signal: AbortSignal,
  watch: RunWatch,
) => AsyncGenerator<readonly Row[], undefined>

interface Run<Row extends object> {
  readonly rows: AsyncGenerator<readonly Row[], undefined>
  readonly controller: AbortController
  readonly watch: RunWatch
  gave: boolean
}

/**
 * The rows after a position that were fetched to find out how far a batch goes. They are kept until the next batch begins, so that reading the batch fetches nothing;
 * and the run they come from is kept open, so that the next batch goes on with it: what it asks for stays as it was, and no row is fetched twice.
 */
export class FreshRows<Row extends object> {
  readonly #cursor: Cursor<Row>
  readonly #open: OpenAnswers
  readonly #begin: BeginRun<Row>
  #start: string | undefined
  #rows: Row[] = []
  #run: Run<Row> | undefined
  #planned: { readonly end: string; readonly count: number } | undefined

  constructor(cursor: Cursor<Row>, open: OpenAnswers, begin: BeginRun<Row>) {
    this.#cursor = cursor
    this.#open = open
    this.#begin = begin
  }

  /** The position after at most so many rows from `start`; `start` itself when there are none. */
  async latest(start: CursorOffset, maxRows: number, signal: AbortSignal): Promise<CursorOffset> {
    this.#moveTo(start)
    this.#run?.watch.resume()
    const end = await this.#fetched(start, maxRows, signal)
    const run = this.#run
    // What it has not given yet is asked for again, from where it is.
    if (run?.watch.pause() === false) this.#end(run)
    return end
  }

  async #fetched(start: CursorOffset, maxRows: number, signal: AbortSignal): Promise<CursorOffset> {
    const position = new CursorPosition(this.#cursor.values, start)
    const most = Math.min(maxRows, this.#cursor.maxHeld)
    if (this.#run !== undefined) await this.#fill(start, most, signal)
    // A run that has just ended knows nothing of what appeared since it began.
    if (this.#rows.length === 0) await this.#fill(start, most, signal)
    const count = Math.min(maxRows, this.#rows.length)
    for (const row of this.#rows.slice(0, count)) this.#take(position, row)
    // Of a batch of more only the end is found out: it is asked for again when it is read.
    if (maxRows > most && this.#run !== undefined) await this.#walk(position, maxRows - count, signal)
    if (count === 0) return start
    const end = position.toOffset()
    if (this.#start !== undefined) this.#planned = { end: textOf(end), count }
    return end
  }

  /** The rows of a batch, if they are still here; in the order of value and key, which a replay has, too. */
  rowsOf(from: CursorOffset, to: CursorOffset): readonly Row[] | undefined {
    const planned = this.#planned
    if (planned === undefined || this.#start !== textOf(from) || planned.end !== textOf(to)) return undefined
    return inOrder(this.#cursor, this.#rows.slice(0, planned.count))
  }

  /** The batch that ends here is done. */
  forget(end: CursorOffset): void {
    if (this.#planned?.end === textOf(end)) this.#moveTo(end)
  }

  close(): void {
    if (this.#run !== undefined) this.#end(this.#run)
    this.#rows = []
    this.#start = undefined
    this.#planned = undefined
  }

  #moveTo(start: CursorOffset): void {
    const text = textOf(start)
    if (this.#start === text) return
    if (this.#planned?.end === text) this.#rows.splice(0, this.#planned.count)
    else this.close()
    if (this.#run !== undefined) this.#run.watch.batch++
    this.#start = text
    this.#planned = undefined
  }

  async #fill(start: CursorOffset, count: number, signal: AbortSignal): Promise<void> {
    while (this.#rows.length < count) {
      const rows = await this.#next(() => this.#tail(start), signal)
      if (rows === undefined) return
      for (const row of rows) this.#rows.push(row)
    }
  }

  /** Goes on without keeping rows: only the position is wanted. */
  async #walk(position: CursorPosition, count: number, signal: AbortSignal): Promise<void> {
    for (let left = count; left > 0; ) {
      const rows = await this.#next(() => position.toOffset(), signal)
      if (rows === undefined) break
      for (const row of rows.slice(0, left)) this.#take(position, row)
      left -= rows.length
    }
    this.close()
  }

  /**
   * The next rows of the run, `undefined` at its end. A run that gave rows and then failed is begun again where it was: what a page is asked for with may have expired
   * while the sink was busy. Not where its rows are to blame: a new run might not see them again, and nobody would learn of it.
   */
  async #next(position: () => CursorOffset, signal: AbortSignal): Promise<readonly Row[] | undefined> {
    for (;;) {
      this.#run ??= this.#opened(position())
      const run = this.#run
      const abort = (): void => this.#end(run, signal.reason)
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      try {
        const { done, value } = await run.rows.next()
        signal.throwIfAborted()
        if (done === true) {
          this.#run = undefined
          return undefined
        }
        run.gave = true
        return value
      } catch (error) {
        if (this.#run === run) this.#run = undefined
        if (signal.aborted || !run.gave || error instanceof PortError) throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    }
  }

  #opened(start: CursorOffset): Run<Row> {
    const controller = new AbortController()
    const watch = new RunWatch(this.#open)
    return { rows: this.#begin(start, controller.signal, watch), controller, watch, gave: false }
  }

  #tail(start: CursorOffset): CursorOffset {
    if (this.#rows.length === 0) return start
    const position = new CursorPosition(this.#cursor.values, start)
    for (const row of this.#rows) this.#take(position, row)
    return position.toOffset()
  }

  #take(position: CursorPosition, row: Row): void {
    position.take(this.#cursor.valueOf(row), this.#cursor.keyOf(row))
  }

  #end(run: Run<Row>, reason?: unknown): void {
    if (this.#run === run) this.#run = undefined
    run.controller.abort(reason)
    // It is over, and so is the interest in how it ends.
    run.rows.return(undefined).catch(() => undefined)
  }
}

function textOf(offset: CursorOffset): string {
  return canonicalOffset(offset, 'cursor')
}
