import { join } from 'node:path'

/** Where everything is in a checkpoint's folder. Spark looks at `metadata`, `offsets` and `commits` only. */
export interface FileLayout {
  readonly root: string
  readonly offsets: string
  readonly commits: string
  readonly own: string
  readonly lease: string
  readonly plans: string
  readonly abandoned: string
  readonly journals: string
}

export function fileLayout(root: string): FileLayout {
  const own = join(root, ownName)
  return {
    root,
    offsets: join(root, 'offsets'),
    commits: join(root, 'commits'),
    own,
    lease: join(own, 'lease'),
    plans: join(own, 'plans'),
    abandoned: join(own, 'abandoned'),
    journals: join(own, 'journals'),
  }
}

/** In the root. */
export const metadataName = 'metadata'
export const ownName = '_sluice'

/** In {@link FileLayout.own}. */
export const initialName = 'initial'
export const sourcesName = 'sources'

/** The name of one record of a batch's journal. */
export function journalName(batchId: number, chunk: number): string {
  return `${batchId}-${chunk}`
}
