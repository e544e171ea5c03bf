import { join } from 'node:path'
import { DeltaTableError } from '../../errors.ts'
import { type Action, parseEntry } from './actions.ts'
import { readCheckpoint } from './checkpoint-read.ts'
import { fileFields, stateFields } from './checkpoint-schema.ts'
import { entryName, type LogListing, listingOf, logFolder } from './log-names.ts'
import { StateBuilder, type TableState } from './snapshot.ts'
import { namesIn, readText } from './storage.ts'

/** A head that was looked for so long ago may have been cleaned away since, with a checkpoint in its place. */
const trustMs = 600_000

/** Where the reading of a version begins. */
export interface LogStart {
  /** Undefined: with version 0. */
  readonly checkpoint: { readonly version: number; readonly paths: readonly string[] } | undefined
  /** The versions to read after that. */
  readonly entries: readonly number[]
}

/**
 * Reads a table's log. Keeps the state of its last version, and reads only what is new.
 *
 * What is kept is small: no files. Who needs those goes through them by {@link DeltaLog.actionsOf}.
 */
export class DeltaLog {
  readonly #table: string
  readonly #folder: string
  #state: TableState | undefined
  #lookedAt = 0

  constructor(table: string) {
    this.#table = table
    this.#folder = join(table, logFolder)
  }

  get folder(): string {
    return this.#folder
  }

  /** The state that was read last. */
  get state(): TableState | undefined {
    return this.#state
  }

  pathOf(version: number): string {
    return join(this.#folder, entryName(version))
  }

  /** The state of the last version; `undefined` when there is no table. @throws DeltaTableError */
  async update(): Promise<TableState | undefined> {
    const now = Date.now()
    if (this.#state === undefined || now - this.#lookedAt > trustMs) {
      const start = this.#startOf(listingOf(await namesIn(this.#folder)), undefined)
      if (start === undefined) return undefined
      const isNewer = (version: number) => this.#state === undefined || version > this.#state.version
      if (this.#state === undefined || isNewer(start.checkpoint?.version ?? -1)) {
        const builder = new StateBuilder()
        for await (const action of this.#checkpointed(start, stateFields)) builder.apply(action)
        builder.version = start.checkpoint?.version ?? -1
        await this.#advance(builder, start.entries)
      } else await this.#advance(new StateBuilder(this.#state), start.entries.filter(isNewer))
    } else {
      const builder = new StateBuilder(this.#state)
      while (await this.#applyEntry(builder, builder.version + 1)) builder.version++
      if (builder.version > this.#state.version) this.#state = this.#built(builder)
    }
    this.#lookedAt = now
    return this.#state
  }

  /** The state of one version. @param version undefined: the last one. @throws DeltaTableError when there is none. */
  async stateAt(version: number | undefined): Promise<TableState> {
    const { start, last } = await this.startAt(version)
    const builder = new StateBuilder()
    for await (const action of this.#checkpointed(start, stateFields)) builder.apply(action)
    builder.version = start.checkpoint?.version ?? -1
    for (const entry of start.entries) await this.#mustApply(builder, entry)
    builder.version = last
    return this.#built(builder)
  }

  /** @throws DeltaTableError when there is no table, or no such version any more. */
  async startAt(version: number | undefined): Promise<{ readonly start: LogStart; readonly last: number }> {
    const listing = listingOf(await namesIn(this.#folder))
    const start = this.#startOf(listing, version)
    if (start === undefined) throw new DeltaTableError(`${this.#table}: there is no Delta table`)
    return { start, last: start.entries.at(-1) ?? (start.checkpoint?.version as number) }
  }

  /** All actions on files that make up a version, from the first to the last. */
  async *actionsOf(start: LogStart): AsyncGenerator<{ readonly action: Action; readonly checkpointed: boolean }> {
    for await (const action of this.#checkpointed(start, fileFields)) yield { action, checkpointed: true }
    for (const version of start.entries) {
      for (const action of await this.#entry(version)) yield { action, checkpointed: false }
    }
  }

  /** Takes over what was just committed, without reading it back. */
  committed(version: number, actions: readonly Action[]): void {
    const builder = new StateBuilder(this.#state)
    for (const action of actions) builder.apply(action)
    builder.version = version
    this.#state = this.#built(builder)
  }

  async #advance(builder: StateBuilder, entries: readonly number[]): Promise<void> {
    for (const version of entries) {
      await this.#mustApply(builder, version)
      builder.version = version
    }
    this.#state = this.#built(builder)
  }

  #built(builder: StateBuilder): TableState {
    const state = builder.build()
    if (state !== undefined) return state
    const missing = builder.protocol === undefined ? 'protocol' : 'metaData'
    throw new DeltaTableError(`${this.#folder}: up to version ${builder.version} there is no action "${missing}"`)
  }

  async *#checkpointed({ checkpoint }: LogStart, fields: typeof stateFields): AsyncGenerator<Action> {
    if (checkpoint !== undefined) yield* readCheckpoint(checkpoint.paths, fields)
  }

  async #entry(version: number): Promise<readonly Action[]> {
    const path = this.pathOf(version)
    const text = await readText(path)
    if (text === undefined) throw new DeltaTableError(`${path}: the entry was there and is gone`)
    return parseEntry(text, path)
  }

  async #mustApply(builder: StateBuilder, version: number): Promise<void> {
    for (const action of await this.#entry(version)) builder.apply(action)
  }

  async #applyEntry(builder: StateBuilder, version: number): Promise<boolean> {
    const path = this.pathOf(version)
    const text = await readText(path)
    if (text === undefined) return false
    for (const action of parseEntry(text, path)) builder.apply(action)
    return true
  }

  /** @returns undefined when there is no log at all. */
  #startOf({ entries, checkpoints }: LogListing, wanted: number | undefined): LogStart | undefined {
    if (entries.length === 0 && checkpoints.size === 0) return undefined
    const last = Math.max(...[entries.at(-1) ?? -1, ...checkpoints.keys()])
    if (wanted !== undefined && wanted > last)
      throw new DeltaTableError(`${this.#table}: there is no version ${wanted}; the last one is ${last}`)
    const to = wanted ?? last
    const from = Math.max(-1, ...[...checkpoints.keys()].filter((version) => version <= to))
    const following = entries.filter((version) => version > from && version <= to)
    for (let version = from + 1, index = 0; version <= to; version++, index++) {
      if (following[index] === version) continue
      if (wanted !== undefined && from < 0)
        throw new DeltaTableError(
          `${this.#table}: version ${wanted} can't be read any more; the log begins with ${Math.min(entries[0] ?? last, ...checkpoints.keys())}`,
        )
      throw new DeltaTableError(
        `${this.pathOf(version)}: expected this entry, and the log has none; it has others up to ${last}`,
      )
    }
    const paths = checkpoints.get(from)?.map((name) => join(this.#folder, name))
    return { checkpoint: paths === undefined ? undefined : { version: from, paths }, entries: following }
  }
}
