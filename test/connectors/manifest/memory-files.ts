import { basename, dirname } from 'node:path'
import type { Files } from '../../../src/connectors/manifest/files.ts'

interface Content {
  text: string
  durable: string
}
interface Folder {
  now: Map<string, Content>
  durable: Map<string, Content>
}

/** What became of a change that no sync had made durable. */
export type Fate = () => 'kept' | 'lost'

/**
 * A file system in memory that forgets, on a loss of power, what was not synced: names by folder, each for itself, and contents by file.
 * Harsher than a journaling file system, which loses names in order.
 */
export class MemoryFiles {
  readonly #folders = new Map<string, Folder>()

  readonly files: Files = {
    makeFolder: async (path) => {
      for (let made = path; !this.#folders.has(made) && made !== '/'; made = dirname(made)) {
        this.#folders.set(made, { now: new Map(), durable: new Map() })
      }
    },
    create: async (path) => {
      const names = this.#folder(path).now
      if (names.has(basename(path))) throw new Error(`${path} exists`)
      const content: Content = { text: '', durable: '' }
      names.set(basename(path), content)
      return {
        append: async (text) => {
          content.text += text
        },
        sync: async () => {
          content.durable = content.text
        },
        close: async () => undefined,
      }
    },
    read: async (path) => this.text(path),
    exists: async (path) => this.text(path) !== undefined,
    list: async (path) => [...(this.#folders.get(path)?.now.keys() ?? [])],
    link: async (from, to) => {
      const content = this.#folder(from).now.get(basename(from))
      if (content === undefined) return 'missing'
      const names = this.#folder(to).now
      if (names.has(basename(to))) return 'taken'
      names.set(basename(to), content)
      return 'linked'
    },
    remove: async (path) => {
      this.#folder(path).now.delete(basename(path))
    },
    syncFolder: async (path) => {
      const folder = this.#folders.get(path)
      if (folder === undefined) throw new Error(`no folder ${path}`)
      folder.durable = new Map(folder.now)
    },
  }

  text(path: string): string | undefined {
    return this.#folders.get(dirname(path))?.now.get(basename(path))?.text
  }

  names(path: string): string[] {
    return [...(this.#folders.get(path)?.now.keys() ?? [])].sort()
  }

  losePower(fate: Fate): void {
    const contents = new Set<Content>()
    for (const folder of this.#folders.values()) {
      const after = new Map<string, Content>()
      for (const name of new Set([...folder.durable.keys(), ...folder.now.keys()])) {
        const [before, changed] = [folder.durable.get(name), folder.now.get(name)]
        const content = before === changed || fate() === 'kept' ? changed : before
        if (content !== undefined) after.set(name, content)
      }
      folder.now = after
      folder.durable = new Map(after)
      for (const content of after.values()) contents.add(content)
    }
    for (const content of contents) {
      if (fate() === 'lost') content.text = content.durable
      content.durable = content.text
    }
  }

  #folder(path: string): Folder {
    const folder = this.#folders.get(dirname(path))
    if (folder === undefined) throw new Error(`no folder ${dirname(path)}`)
    return folder
  }
}

export class Killed extends Error {}

/** The files as one process sees them: `before` and `after` each step something may happen, and a `Killed` thrown there ends the process for good. */
export function watched(
  files: Files,
  hooks: { before?: (step: number) => unknown; after?: (step: number) => unknown },
): Files {
  let step = 0
  let dead: Killed | undefined
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    const mine = step++
    if (dead !== undefined) throw dead
    try {
      await hooks.before?.(mine)
      const answer = await call()
      await hooks.after?.(mine)
      return answer
    } catch (error) {
      if (error instanceof Killed) dead = error
      throw error
    }
  }
  return {
    makeFolder: (path, root) => run(() => files.makeFolder(path, root)),
    create: async (path) => {
      const file = await run(() => files.create(path))
      return {
        append: (text) => run(() => file.append(text)),
        sync: () => run(file.sync),
        close: () => run(file.close),
      }
    },
    read: (path) => run(() => files.read(path)),
    exists: (path) => run(() => files.exists(path)),
    list: (path) => run(() => files.list(path)),
    link: (from, to) => run(() => files.link(from, to)),
    remove: (path) => run(() => files.remove(path)),
    syncFolder: (path) => run(() => files.syncFolder(path)),
  }
}

/** A process that ends at one step, before or after it took effect. */
export function killedAt(files: Files, at: number, when: 'before' | 'after'): { files: Files; reached: () => boolean } {
  let reached = false
  const kill = (step: number) => {
    if (step !== at) return
    reached = true
    throw new Killed()
  }
  return { files: watched(files, { [when]: kill }), reached: () => reached }
}
