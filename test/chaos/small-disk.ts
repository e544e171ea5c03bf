import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A file system of a few MiB in memory, or a plain folder where nobody may mount one. */
export interface SmallDisk {
  readonly path: string
  /** Takes all that is left for a while. `undefined` where it is a plain folder. */
  readonly fill: ((forMs: number) => Promise<void>) | undefined
  readonly close: () => void
}

/** @param mib its size. Needs root on Linux. */
export function smallDisk(path: string, mib: number): SmallDisk {
  mkdirSync(path, { recursive: true })
  if (!mount(path, mib)) return { path, fill: undefined, close: () => rmSync(path, { recursive: true, force: true }) }
  const ballast = `${path}/.ballast`
  return {
    path,
    fill: async (forMs) => {
      fillUp(ballast)
      await sleep(forMs)
      rmSync(ballast, { force: true })
    },
    close: () => {
      // Lazily: whatever was killed may take a moment to let go.
      execFileSync('umount', ['-l', path], { stdio: 'ignore' })
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Why no small disk can be had here; `undefined` where it can. */
export function missingSmallDisk(folder: string): string | undefined {
  const disk = smallDisk(`${folder}/probe`, 1)
  disk.close()
  return disk.fill === undefined ? 'this user can not mount a tmpfs' : undefined
}

function mount(path: string, mib: number): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=700`, 'sluice-chaos', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function fillUp(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (const size of [1 << 16, 1 << 12, 1]) {
      const block = Buffer.alloc(size)
      try {
        while (writeSync(handle, block) > 0);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(handle)
  }
}
