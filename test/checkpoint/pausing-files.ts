import type { FileSystem, NewFile } from '../../src/checkpoint/file-system.ts'

/** A process whose file calls stop before a chosen one until it is resumed, as SIGSTOP would do it. */
export class PausingFiles {
  readonly files: FileSystem
  #left = Number.POSITIVE_INFINITY
  #resume = () => {}
  #resumed: Promise<void> = Promise.resolve()
  #onPause = () => {}
  #failure: Error | undefined

  constructor(files: FileSystem) {
    const pausing =
      <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        await this.#step()
        return call(...args)
      }
    this.files = {
      list: pausing((path: string) => files.list(path)),
      read: pausing((path: string) => files.read(path)),
      create: pausing(async (path: string, mode: number): Promise<NewFile> => {
        const file = await files.create(path, mode)
        return { write: pausing(file.write), sync: pausing(file.sync), close: file.close }
      }),
      link: pausing((from: string, to: string) => files.link(from, to)),
      remove: pausing((path: string) => files.remove(path)),
      makeFolder: pausing((path: string, mode: number) => files.makeFolder(path, mode)),
      syncFolder: pausing((path: string) => files.syncFolder(path)),
    }
  }

  /** @returns settles when the process stands still before call number `calls`, counted from now. */
  pauseBefore(calls: number): Promise<'paused'> {
    this.#left = calls
    this.#resumed = new Promise((resolve) => {
      this.#resume = () => resolve()
    })
    return new Promise((resolve) => {
      this.#onPause = () => resolve('paused')
    })
  }

  /** Call number `calls`, counted from now, fails. */
  failOnce(calls: number, error: Error): void {
    this.#left = calls
    this.#failure = error
  }

  /** Whether that call has come. */
  get failed(): boolean {
    return this.#failure === undefined
  }

  resume(): void {
    this.#left = Number.POSITIVE_INFINITY
    this.#resume()
  }

  async #step(): Promise<void> {
    if (this.#left > 0) {
      this.#left -= 1
      return
    }
    if (this.#failure !== undefined) {
      const error = this.#failure
      this.#failure = undefined
      this.#left = Number.POSITIVE_INFINITY
      throw error
    }
    this.#onPause()
    await this.#resumed
  }
}
