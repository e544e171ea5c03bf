import type { FoundFile } from './listing.ts'

/** A part of a file as it was when the batch was planned: the lines (CSV: all records) that begin in `[from, to)`. */
export interface FileSlice extends FoundFile {
  readonly from: number
  /** Of a whole file its size, also where it is compressed. */
  readonly to: number
}

/** What is read as one: slices one after the other. */
export interface FilesPartition {
  readonly files: readonly FileSlice[]
}

/** More would make plans that are slow to log. */
const mostFiles = 1_000

/**
 * Cuts files into partitions of about `splitBytes`: large ones in slices of that size where `isSplittable` says so, small ones together.
 * Each byte is in one slice; order is kept. Empty files have none.
 */
export function slicesOf(
  files: readonly FoundFile[],
  splitBytes: number,
  isSplittable: (path: string) => boolean,
): FilesPartition[] {
  const partitions: FilesPartition[] = []
  let together: FileSlice[] = []
  let bytes = 0
  const close = () => {
    if (together.length > 0) partitions.push({ files: together })
    together = []
    bytes = 0
  }
  for (const { path, size, modified } of files) {
    const step = isSplittable(path) && size > splitBytes ? splitBytes : size
    for (let from = 0; from < size; from += step) {
      const slice = { path, size, modified, from, to: Math.min(from + step, size) }
      if (bytes > 0 && (bytes + slice.to - slice.from > splitBytes || together.length >= mostFiles)) close()
      together.push(slice)
      bytes += slice.to - slice.from
    }
  }
  close()
  return partitions
}
