import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { DeltaTableError, LeaseLostError } from '../../errors.ts'
import { ifCode, linkUnsynced, makeFolder, namesIn, putDurable, removeFile, storage, syncFolder } from './storage.ts'

/** Names that begin with an underscore are no data: Spark's `vacuum` and every reader leave them alone. */
const ownFolder = '_sluice'

/**
 * Where the files of one writer are before they are committed, below the table's folder:
 *
 *     _sluice/<app>/batches/7/station=Oslo/part-….parquet    a file of batch 7, on its way
 *     _sluice/<app>/epochs/3                                 a writer of epoch 3 has started
 *     _sluice/<app>/temporary/3-<uuid>                       a log entry of its, before it gets its name
 *
 * So a file that no log entry names is either here, or beside its twin here: what a killed process left is found without looking through the table.
 */
export class Staging {
  readonly #table: string
  readonly #folder: string
  readonly #appId: string
  readonly #epoch: number
  /** Folders of the table whose own names are durable. */
  readonly #durable = new Set<string>()

  constructor(table: string, appId: string, epoch: number) {
    this.#table = table
    this.#appId = appId
    this.#epoch = epoch
    // A digest: the id may be anything, and long.
    this.#folder = join(table, ownFolder, createHash('sha256').update(appId).digest('hex').slice(0, 24))
  }

  /** Makes it known, durably, that a writer of this epoch has started; earlier ones lose what they were about to link. @throws LeaseLostError */
  async claim(): Promise<void> {
    for (const name of ['batches', 'epochs', 'temporary']) await makeFolder(join(this.#folder, name), this.#table)
    const marks = await this.#epochs()
    this.#refuse(marks)
    const own = join(this.#folder, 'epochs', String(this.#epoch))
    if (!marks.includes(this.#epoch)) await putDurable(own, this.#appId)
    await syncFolder(dirname(own))
    for (const mark of marks) if (mark < this.#epoch) await removeFile(join(this.#folder, 'epochs', String(mark)))
    for (const name of await namesIn(join(this.#folder, 'temporary'))) {
      if (Number(name.split('-')[0]) < this.#epoch) await removeFile(join(this.#folder, 'temporary', name))
    }
  }

  /** @throws LeaseLostError when a writer of a later epoch has started. */
  async refuseWhenReplaced(): Promise<void> {
    this.#refuse(await this.#epochs())
  }

  /** The path of a file that nobody else has. */
  temporary(): string {
    return join(this.#folder, 'temporary', `${this.#epoch}-${randomUUID()}`)
  }

  /**
   * Where a file of a batch is written. Its folder is there after it, and needn't be durable: what a power cut takes from here is an orphan at worst.
   * @param path of the file, below the table's folder
   */
  async stage(batchId: number, path: string): Promise<string> {
    const staged = join(this.#folder, 'batches', String(batchId), path)
    await storage('make the folder', dirname(staged), () => mkdir(dirname(staged), { recursive: true }))
    return staged
  }

  /** Gives the files of a batch their names in the table, durable. Nobody sees them before the log names them. May be repeated. */
  async publish(batchId: number, paths: readonly string[]): Promise<void> {
    const folders = new Set(paths.map((path) => join(this.#table, dirname(path))))
    for (const folder of folders) {
      if (this.#durable.has(folder)) continue
      await makeFolder(folder, this.#table)
      this.#durable.add(folder)
    }
    for (const path of paths) {
      const shown = join(this.#table, path)
      const linked = await linkUnsynced(join(this.#folder, 'batches', String(batchId), path), shown)
      if (linked === 'missing')
        throw new DeltaTableError(`${shown}: the file was written, and is gone before it was committed`)
    }
    for (const folder of folders) await syncFolder(folder)
  }

  /** The batches that have files here. */
  async batches(): Promise<readonly number[]> {
    return (await namesIn(join(this.#folder, 'batches'))).filter((name) => /^\d+$/.test(name)).map(Number)
  }

  /** The files of a batch, by their paths below the table's folder. */
  async filesOf(batchId: number): Promise<readonly string[]> {
    const folder = join(this.#folder, 'batches', String(batchId))
    const entries = await storage('list the folder', folder, () =>
      readdir(folder, { recursive: true, withFileTypes: true }).catch(ifCode('ENOENT', [])),
    )
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
  }

  /** @param named whether the log names a file, which then keeps its name in the table. */
  async forget(batchId: number, named: (path: string) => boolean): Promise<void> {
    for (const path of await this.filesOf(batchId)) {
      if (!named(path)) await removeFile(join(this.#table, path))
      await removeFile(join(this.#folder, 'batches', String(batchId), path))
    }
    const folder = join(this.#folder, 'batches', String(batchId))
    await storage('remove the folder', folder, () => rm(folder, { recursive: true, force: true }))
  }

  /** Removes a staged file, and its name in the table if it got that far. Only for one that isn't committed. */
  async drop(batchId: number, path: string): Promise<void> {
    await removeFile(join(this.#table, path))
    await removeFile(join(this.#folder, 'batches', String(batchId), path))
  }

  async #epochs(): Promise<readonly number[]> {
    return (await namesIn(join(this.#folder, 'epochs'))).filter((name) => /^\d+$/.test(name)).map(Number)
  }

  #refuse(marks: readonly number[]): void {
    const latest = Math.max(...marks, this.#epoch)
    if (latest > this.#epoch)
      throw new LeaseLostError(
        `${this.#table}: a writer of epoch ${latest} has started, and this one is of epoch ${this.#epoch}; it commits nothing more`,
      )
  }
}
