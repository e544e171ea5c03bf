import { join } from 'node:path'
import { LeaseLostError } from '../../errors.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'

/** Makes it known, durably, that a writer of this epoch has started. @throws LeaseLostError when a later one has. */
export async function claimEpoch(files: Files, { epochs }: Layout, epoch: number): Promise<void> {
  const marks = await epochsIn(files, epochs)
  refuse(marks, epoch, epochs)
  if (!marks.includes(epoch)) {
    const mark = await files.create(join(epochs, String(epoch)))
    await mark.close()
  }
  await files.syncFolder(epochs)
  for (const older of marks.filter((mark) => mark < epoch)) await files.remove(join(epochs, String(older)))
}

/** @throws LeaseLostError when a writer of a later epoch has started. */
export async function refuseWhenReplaced(files: Files, { epochs }: Layout, epoch: number): Promise<void> {
  refuse(await epochsIn(files, epochs), epoch, epochs)
}

function refuse(epochs: readonly number[], epoch: number, where: string): void {
  const latest = Math.max(...epochs, epoch)
  if (latest > epoch)
    throw new LeaseLostError(
      `${where}: a writer of epoch ${latest} has started, and this one is of epoch ${epoch}; it commits nothing more`,
    )
}

async function epochsIn(files: Files, folder: string): Promise<number[]> {
  return (await files.list(folder)).filter((name) => /^\d+$/.test(name)).map(Number)
}
