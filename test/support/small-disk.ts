import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A disk of so many MiB that really gets full. Gone at the test's end. */
export interface SmallDisk {
  readonly path: string
  readonly grow: (mib: number) => void
}

/** Why {@link smallDisk} can't make one here; `undefined` where it can. */
export const noSmallDisk: string | undefined = whyNot()

export function smallDisk(mib: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path])
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true })
  })
  return { path, grow: (more) => void execFileSync('mount', ['-o', `remount,size=${more}m`, path]) }
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root of a Linux may mount a disk'
  const path = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  try {
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], {
      encoding: 'utf8',
    })
    if (status !== 0) return `no disk can be mounted: ${error?.message ?? stderr.trim()}`
    execFileSync('umount', [path])
    return undefined
  } finally {
    rmSync(path, { recursive: true })
  }
}
