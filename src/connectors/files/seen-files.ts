import { CheckpointCorruptError, FileRefusedError } from '../../errors.ts'
import type { Files } from '../manifest/files.ts'
import type { FoundFile } from './listing.ts'
import { SeenLog } from './seen-log.ts'
import type { SeenFile } from './seen-text.ts'

/** How what was seen is held against what is there. */
export interface SeenRules {
  /** The state folder. */
  readonly folder: string
  readonly overwritten: 'fail' | 'read' | 'ignore'
  readonly forgetAfterMs: number
  readonly settleMs: number
  readonly now: () => number
}

/** A file that isn't taken yet, as it was found first. */
interface Young {
  readonly file: FoundFile
  readonly since: number
}

/**
 * Which files the source has seen, in the order in which it saw them. Membership goes by path alone, and never by a time: a file that appears late with an old
 * time is new all the same. Nothing is forgotten but what is gone from the folder for long, and only when its batch is done.
 */
export class SeenFiles {
  readonly #rules: SeenRules
  readonly #log: SeenLog
  /** By ordinal, ascending. */
  #files: SeenFile[] = []
  /** The newest version of each. */
  #byPath = new Map<string, SeenFile>()
  #gone = new Map<number, number>()
  #young = new Map<string, Young>()
  #count = 0
  #last = -1
  #entries = 0
  #added = 0
  #loaded = false

  constructor(files: Files, rules: SeenRules) {
    this.#rules = rules
    this.#log = new SeenLog(files, rules.folder)
  }

  /** How many files were seen, in all its life. */
  get count(): number {
    return this.#count
  }

  async load(): Promise<void> {
    if (!this.#loaded) await this.#reload()
  }

  /** Those counted from `from` on, before `to`, in order. A version that was replaced before it was planned is left out. */
  between(from: number, to: number): readonly SeenFile[] {
    return this.#files.filter(
      (file) => file.ordinal >= from && file.ordinal < to && this.#byPath.get(file.path) === file,
    )
  }

  /**
   * Holds a whole listing against what was seen, and adds what is new to the log, in the order of the listing.
   * @throws FileRefusedError for a file that was overwritten, where the rules say so.
   */
  async add(found: readonly FoundFile[]): Promise<void> {
    await this.load()
    this.#noteGone(found)
    for (;;) {
      const fresh = found.filter((file) => this.#isNew(file))
      const settled = this.#settled(fresh)
      if (settled.length === 0) return
      const files = settled.map((file, index) => ({ ...file, ordinal: this.#count + index }))
      const entry = { count: this.#count, files, gone: new Map<number, number>() }
      if ((await this.#log.append(this.#last + 1, entry)) === 'linked') {
        this.#take(files)
        this.#last++
        this.#entries++
        this.#added += files.length
        return
      }
      await this.#reload()
    }
  }

  /** How many files there would be after {@link add}, which isn't done: whether this log is the one that a position counts on is not known here. */
  countWith(found: readonly FoundFile[]): number {
    return this.#count + this.#settled(found.filter((file) => this.#isNew(file))).length
  }

  /** These were read, are done and were taken away by the source itself: a file of such a name is new. Durable with the next {@link compact}. */
  forget(files: readonly SeenFile[]): void {
    for (const file of files) if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path)
  }

  /** Forgets what is gone for long, and writes what is left in one, when that pays. Files from `committed` on are kept. */
  async compact(committed: number): Promise<void> {
    const { now, forgetAfterMs } = this.#rules
    if (!SeenLog.isDue(this.#entries, this.#added, this.#files.length)) return
    const isKept = (file: SeenFile): boolean => {
      if (file.ordinal >= committed) return true
      const gone = this.#gone.get(file.ordinal)
      return this.#byPath.get(file.path) === file && (gone === undefined || now() - gone < forgetAfterMs)
    }
    const files = this.#files.filter(isKept)
    await this.#log.compact(this.#last, { count: this.#count, files, gone: this.#gone })
    for (const file of this.#files) {
      if (isKept(file)) continue
      this.#gone.delete(file.ordinal)
      if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path)
    }
    this.#files = files
    this.#entries = 0
    this.#added = 0
  }

  async #reload(): Promise<void> {
    const { last, snapshot, entries } = await this.#log.load()
    this.#files = []
    this.#byPath = new Map()
    this.#gone = new Map(snapshot?.gone)
    this.#count = 0
    if (snapshot !== undefined) {
      this.#take(snapshot.files)
      this.#count = snapshot.count
    }
    for (const { files, count } of entries) {
      if (count !== this.#count)
        throw new CheckpointCorruptError(
          `${this.#rules.folder}: expected an entry after ${this.#count} files, found one after ${count}`,
        )
      this.#take(files)
    }
    this.#last = last
    this.#entries = entries.length
    this.#added = entries.reduce((sum, { files }) => sum + files.length, 0)
    this.#loaded = true
  }

  #take(files: readonly SeenFile[]): void {
    for (const file of files) {
      this.#files.push(file)
      this.#byPath.set(file.path, file)
      this.#young.delete(file.path)
    }
    this.#count += files.length
  }

  #isNew(file: FoundFile): boolean {
    const seen = this.#byPath.get(file.path)
    if (seen === undefined) return true
    if (seen.size === file.size && seen.modified === file.modified) return false
    const { overwritten } = this.#rules
    if (overwritten === 'fail')
      throw new FileRefusedError(
        `${file.path}: expected a file that stays as it was seen (${seen.size} bytes of ${new Date(seen.modified).toISOString()}), found ${file.size} bytes of ${new Date(file.modified).toISOString()}; option "overwritten" may read or ignore new versions`,
      )
    return overwritten === 'read'
  }

  /** Old enough by its time, or watched for long enough: a clock that is ahead of ours must not hide a file until we reach its time. */
  #settled(fresh: readonly FoundFile[]): readonly FoundFile[] {
    const { now, settleMs } = this.#rules
    const time = now()
    const young = new Map<string, Young>()
    const settled = fresh.filter((file) => {
      const before = this.#young.get(file.path)
      const isSame = before?.file.size === file.size && before.file.modified === file.modified
      const since = isSame ? before.since : time
      if (time - file.modified >= settleMs || time - since >= settleMs) return true
      young.set(file.path, { file, since })
      return false
    })
    this.#young = young
    return settled
  }

  #noteGone(found: readonly FoundFile[]): void {
    const there = new Set(found.map(({ path }) => path))
    const time = this.#rules.now()
    for (const { path, ordinal } of this.#byPath.values()) {
      if (there.has(path)) this.#gone.delete(ordinal)
      else if (!this.#gone.has(ordinal)) this.#gone.set(ordinal, time)
    }
  }
}

/** @throws CheckpointCorruptError when the state is older than the offset: it was lost, or restored from a copy. */
export function refuseOlderState(count: number, position: number, folder: string): void {
  if (count >= position) return
  throw new CheckpointCorruptError(
    `${folder}: expected the log of at least ${position} seen files, where the checkpoint stands, found ${count}; was the state folder removed, or restored from an older copy? A new checkpoint with a new state folder reads all files again`,
  )
}
