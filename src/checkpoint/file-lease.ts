import { join } from 'node:path'
import { CheckpointCorruptError, CheckpointLockedError, LeaseLostError } from '../errors.ts'
import { putAll, removeTemporaries } from './durable-files.ts'
import type { FileSystem } from './file-system.ts'
import type { Processes, ProcessIdentity } from './process-identity.ts'

/**
 * The right to write a checkpoint: the file with the greatest number in the lease folder. It is linked, never overwritten, so that of two
 * starters that see the same last holder only one gets the next number. Whether that holder still runs only decides whether to try:
 * a holder that was wrongly taken for dead, or was ousted by force, finds the greater number before it links anything.
 */
export interface Lease {
  readonly epoch: number
  /** @throws LeaseLostError */
  readonly assertHeld: () => Promise<void>
  /** Removes the leases before this one, once it is certain that the checkpoint can be used. */
  readonly settle: () => Promise<void>
  /** Leaves the number, marked as free. */
  readonly release: () => Promise<void>
  /** Takes the number back, as if the checkpoint had not been opened. */
  readonly withdraw: () => Promise<void>
}

export interface LeaseFolder {
  readonly files: FileSystem
  readonly processes: Processes
  /** The checkpoint, for the errors. */
  readonly name: string
  readonly folder: string
  /** Milliseconds. */
  readonly now: () => number
}

interface Holder extends ProcessIdentity {
  readonly since: string
  /** Tells apart two openers in one process. */
  readonly id: string
}

const releasedSuffix = '.released'

/**
 * The last epoch, 0 for none; changes nothing.
 * @throws CheckpointLockedError when its holder may still run.
 */
export async function freeEpoch(at: LeaseFolder, takeOver: boolean): Promise<number> {
  const names = await namesIn(at)
  const epoch = greatest(names)
  if (epoch === 0 || takeOver || names.includes(`${epoch}${releasedSuffix}`)) return epoch
  const holder = await readHolder(at, epoch)
  if (holder === undefined) throw locked(at, 'is being opened by another process')
  const liveness = at.processes.liveness(holder)
  if (liveness === 'dead') return epoch
  const who = `by process ${holder.pid} on ${holder.host}, since ${holder.since}`
  if (liveness === 'alive') throw locked(at, `is in use ${who}`)
  throw locked(
    at,
    `was opened ${who}, and whether that still runs can't be seen from here; if it is gone for good, open with takeOver: true`,
  )
}

/**
 * Takes the epoch after `last`.
 * @throws CheckpointLockedError when another process was faster.
 */
export async function takeLease(at: LeaseFolder, last: number): Promise<Lease> {
  const { files, folder } = at
  const epoch = last + 1
  const path = join(folder, String(epoch))
  const holder: Holder = { ...at.processes.self(), since: new Date(at.now()).toISOString(), id: crypto.randomUUID() }
  const withdraw = async () => {
    await files.remove(path)
    await files.syncFolder(folder)
  }
  try {
    await putAll(files, [{ folder, name: String(epoch), content: JSON.stringify(holder) }], {
      epoch,
      beforeLinks: async () => {},
      taken: () => lockedMeanwhile(at),
    })
    // A slow starter may get a number that has been used and removed meanwhile.
    if (greatest(await namesIn(at)) !== epoch) throw lockedMeanwhile(at)
  } catch (error) {
    if ((await readHolder(at, epoch))?.id === holder.id) await withdraw()
    else if (greatest(await namesIn(at)) >= epoch) throw lockedMeanwhile(at) // a faster starter removes what slower ones had prepared
    throw error
  }
  return {
    epoch,
    assertHeld: async () => {
      const current = greatest(await namesIn(at))
      if (current === epoch) return
      throw new LeaseLostError(
        `${at.name}: this process held it as epoch ${epoch}, ${current > epoch ? `and epoch ${current} took it over` : 'and its lease was removed'}; nothing more is written`,
      )
    },
    settle: async () => {
      await removeTemporaries(files, folder, epoch)
      for (const name of await namesIn(at))
        if (Number.parseInt(name, 10) < epoch) await files.remove(join(folder, name))
    },
    release: async () => {
      if (greatest(await namesIn(at)) !== epoch) return
      const mark = await files.create(`${path}${releasedSuffix}`, 0o666)
      await mark.close()
    },
    withdraw,
  }
}

async function namesIn({ files, folder }: LeaseFolder): Promise<readonly string[]> {
  const entries = (await files.list(folder)) ?? []
  return entries.map(({ name }) => name).filter((name) => /^\d+(\.released)?$/.test(name))
}

function greatest(names: readonly string[]): number {
  return names.reduce((most, name) => (name.endsWith(releasedSuffix) ? most : Math.max(most, Number(name))), 0)
}

async function readHolder({ files, folder }: LeaseFolder, epoch: number): Promise<Holder | undefined> {
  const path = join(folder, String(epoch))
  const bytes = await files.read(path)
  if (bytes === undefined) return undefined
  try {
    const holder: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (isHolder(holder)) return holder
  } catch (cause) {
    throw new CheckpointCorruptError(`${path}: expected the holder of a lease as JSON`, { cause })
  }
  throw new CheckpointCorruptError(`${path}: expected the holder of a lease (host, pid, since)`)
}

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && 'host' in value && 'pid' in value && 'since' in value
}

export function lockedMeanwhile(at: LeaseFolder): CheckpointLockedError {
  return locked(at, 'was opened by another process at the same moment')
}

function locked(at: LeaseFolder, how: string): CheckpointLockedError {
  return new CheckpointLockedError(`${at.name} ${how}`)
}
