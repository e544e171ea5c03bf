import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { CheckpointCorruptError } from '../../errors.ts'
import type { Files } from '../manifest/files.ts'
import { decodeSeen, encodeSeen, type SeenText } from './seen-text.ts'

/** Entries that are folded into a snapshot at the latest, so that a start reads few files. */
const mostEntries = 500

/** What was read of the log, or appended to it. */
export interface Loaded {
  /** The number of the last entry; −1 without any. */
  readonly last: number
  readonly snapshot: SeenText | undefined
  readonly entries: readonly SeenText[]
}

/**
 * The log of seen files on disk: entries `0.log`, `1.log`, … that are never overwritten, each made durable before it counts; and `41.snapshot`, which
 * holds what entries 0 to 41 hold, without what is forgotten. After a snapshot the entries before it are removed.
 * Safe with another process at the same folder: of two entries of one number one wins, and the other's maker reads it.
 */
export class SeenLog {
  readonly #files: Files
  readonly #folder: string

  constructor(files: Files, folder: string) {
    this.#files = files
    this.#folder = folder
  }

  /** @throws CheckpointCorruptError when an entry is missing or damaged. */
  async load(): Promise<Loaded> {
    await this.#files.makeFolder(this.#folder, this.#folder)
    for (let attempt = 0; ; attempt++) {
      const names = await this.#files.list(this.#folder)
      // Found after a crash, an entry may not be durable yet, and what is read of it will be built on.
      await this.#files.syncFolder(this.#folder)
      const snapshot = Math.max(-1, ...numbersOf(names, 'snapshot'))
      const entries = numbersOf(names, 'log')
        .filter((number) => number > snapshot)
        .sort((a, b) => a - b)
      for (const [index, number] of entries.entries()) {
        if (number !== snapshot + 1 + index)
          throw new CheckpointCorruptError(
            `${this.#folder}: expected the entry ${snapshot + 1 + index}.log, found ${number}.log as the next one`,
          )
      }
      const whole = await this.#texts(snapshot < 0 ? [] : [`${snapshot}.snapshot`])
      const since = await this.#texts(entries.map((number) => `${number}.log`))
      if (whole !== undefined && since !== undefined)
        return { last: entries.at(-1) ?? snapshot, snapshot: whole[0], entries: since }
      if (attempt === 9) throw new CheckpointCorruptError(`${this.#folder}: the log is compacted all the time`)
    }
  }

  /** `taken`: another process was first; load again. */
  append(number: number, text: SeenText): Promise<'linked' | 'taken'> {
    return this.#put(`${number}.log`, number, text)
  }

  /** Puts a snapshot in the place of the entries up to `last`. */
  async compact(last: number, text: SeenText): Promise<void> {
    await this.#put(`${last}.snapshot`, last, text)
    for (const name of await this.#files.list(this.#folder)) {
      const [, number, kind] = /^\.?(\d+)\.(log|snapshot|[\w-]+\.tmp)$/.exec(name) ?? []
      if (number === undefined) continue
      if (Number(number) < last || (Number(number) === last && kind !== 'snapshot'))
        await this.#files.remove(join(this.#folder, name))
    }
  }

  /** Whether a snapshot is due: it costs as much as it holds, so entries must have added to that, or be many. */
  static isDue(entries: number, added: number, held: number): boolean {
    return entries >= 16 && (added * 4 >= held || entries >= mostEntries)
  }

  /** `undefined` when one of them was removed meanwhile. */
  async #texts(names: readonly string[]): Promise<SeenText[] | undefined> {
    const texts: SeenText[] = []
    for (const name of names) {
      const path = join(this.#folder, name)
      const text = await this.#files.read(path)
      if (text === undefined) return undefined
      texts.push(decodeSeen(text, path))
    }
    return texts
  }

  async #put(name: string, number: number, text: SeenText): Promise<'linked' | 'taken'> {
    const draft = join(this.#folder, `.${number}.${randomUUID()}.tmp`)
    const file = await this.#files.create(draft)
    try {
      await file.append(encodeSeen(text))
      await file.sync()
    } finally {
      await file.close()
    }
    const linked = await this.#files.link(draft, join(this.#folder, name))
    await this.#files.remove(draft)
    if (linked === 'missing') throw new CheckpointCorruptError(`${draft}: expected the file just made, found none`)
    await this.#files.syncFolder(this.#folder)
    return linked
  }
}

function numbersOf(names: readonly string[], kind: 'log' | 'snapshot'): number[] {
  const pattern = new RegExp(`^(\\d+)\\.${kind}$`)
  return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number)
}
