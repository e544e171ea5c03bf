import { basename, dirname } from 'node:path'
import type { FileSystem, FolderEntry } from '../../src/checkpoint/file-system.ts'

interface FileNode {
  readonly kind: 'file'
  data: Uint8Array
  /** What survives a power loss; `undefined` before the first fsync. */
  synced: Uint8Array | undefined
}

interface FolderNode {
  readonly kind: 'folder'
  readonly entries: Map<string, DiskNode>
  /** The entries that survive a power loss. */
  synced: Map<string, DiskNode>
}

type DiskNode = FileNode | FolderNode

/** Decides, change by change, whether something that was never synced is there after the power came back. */
export type Survival = () => boolean

export class PowerCut extends Error {}

/**
 * A disk in memory that keeps apart what is cached and what is durable, and cuts the power before a chosen call.
 * POSIX promises no more: without fsync a file may be empty or cut short, and each entry of a folder may or may not be there.
 */
export class ModelDisk implements FileSystem {
  readonly #root: FolderNode
  #calls = 0
  readonly #cutBefore: number

  /** @param cutBefore the number of the first call that fails, and all after it. */
  constructor(root: FolderNode = folder(), cutBefore = Number.POSITIVE_INFINITY) {
    this.#root = root
    this.#cutBefore = cutBefore
  }

  get calls(): number {
    return this.#calls
  }

  /** The disk after the power came back. */
  afterPowerLoss(survives: Survival, cutBefore?: number): ModelDisk {
    return new ModelDisk(survivorsOf(this.#root, survives), cutBefore)
  }

  async list(path: string): Promise<readonly FolderEntry[] | undefined> {
    this.#call()
    const node = this.#find(path)
    if (node?.kind !== 'folder') return undefined
    return [...node.entries].map(([name, entry]) => ({ name, isFolder: entry.kind === 'folder' }))
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    this.#call()
    const node = this.#find(path)
    return node?.kind === 'file' ? Uint8Array.from(node.data) : undefined
  }

  async create(path: string) {
    this.#call()
    const parent = this.#parent(path)
    if (parent.entries.has(basename(path))) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' })
    const file: FileNode = { kind: 'file', data: new Uint8Array(), synced: undefined }
    parent.entries.set(basename(path), file)
    return {
      write: async (bytes: Uint8Array) => {
        this.#call()
        file.data = Uint8Array.from(bytes)
      },
      sync: async () => {
        this.#call()
        file.synced = file.data
      },
      close: async () => {},
    }
  }

  async link(from: string, to: string): Promise<boolean> {
    this.#call()
    const node = this.#find(from)
    if (node === undefined) throw Object.assign(new Error(`ENOENT: ${from}`), { code: 'ENOENT' })
    const parent = this.#parent(to)
    if (parent.entries.has(basename(to))) return false
    parent.entries.set(basename(to), node)
    return true
  }

  async remove(path: string): Promise<void> {
    this.#call()
    const parent = this.#find(dirname(path))
    if (parent?.kind === 'folder') parent.entries.delete(basename(path))
  }

  async makeFolder(path: string): Promise<'made' | 'exists' | 'missing'> {
    this.#call()
    const parent = this.#find(dirname(path))
    if (parent?.kind !== 'folder') return 'missing'
    if (parent.entries.has(basename(path))) return 'exists'
    parent.entries.set(basename(path), folder())
    return 'made'
  }

  async syncFolder(path: string): Promise<void> {
    this.#call()
    const node = this.#find(path)
    if (node?.kind !== 'folder') throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    node.synced = new Map(node.entries)
  }

  #call(): void {
    if (this.#calls >= this.#cutBefore) throw new PowerCut()
    this.#calls += 1
  }

  #parent(path: string): FolderNode {
    const node = this.#find(dirname(path))
    if (node?.kind === 'folder') return node
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node?.kind === 'folder' ? node.entries.get(name) : undefined
    }
    return node
  }
}

function folder(): FolderNode {
  return { kind: 'folder', entries: new Map(), synced: new Map() }
}

function survivorsOf(node: FolderNode, survives: Survival): FolderNode {
  const files = new Map<FileNode, FileNode>() // one file may have two names
  const surviving = (from: DiskNode): DiskNode => {
    if (from.kind === 'folder') return copyFolder(from)
    const known = files.get(from) ?? copyFile(from)
    files.set(from, known)
    return known
  }
  const copyFile = (from: FileNode): FileNode => {
    const torn = from.data.slice(0, survives() ? Math.floor(from.data.length / 2) : 0)
    const data = from.synced ?? (survives() ? from.data : torn)
    return { kind: 'file', data, synced: data }
  }
  const copyFolder = (from: FolderNode): FolderNode => {
    const copy = folder()
    for (const name of new Set([...from.synced.keys(), ...from.entries.keys()])) {
      const [old, current] = [from.synced.get(name), from.entries.get(name)]
      const kept = old === current || survives() ? current : old
      if (kept !== undefined) copy.entries.set(name, surviving(kept))
    }
    copy.synced = new Map(copy.entries)
    return copy
  }
  return copyFolder(node)
}
