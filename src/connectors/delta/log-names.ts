/** The folder of the log, below the table's. */
export const logFolder = '_delta_log'

const digits = (version: number, width = 20) => String(version).padStart(width, '0')

export function entryName(version: number): string {
  return `${digits(version)}.json`
}

export function checkpointName(version: number): string {
  return `${digits(version)}.checkpoint.parquet`
}

/** What is in the log's folder. */
export interface LogListing {
  /** Versions that have an entry, in order. */
  readonly entries: readonly number[]
  /** By version, the files of each whole checkpoint: one, or all its parts. */
  readonly checkpoints: ReadonlyMap<number, readonly string[]>
}

/** @param names of files in the log's folder. */
export function listingOf(names: readonly string[]): LogListing {
  const entries: number[] = []
  const whole = new Map<number, readonly string[]>()
  const parts = new Map<string, string[]>()
  for (const name of [...names].sort()) {
    const entry = /^(\d{20})\.json$/.exec(name)?.[1]
    if (entry !== undefined) entries.push(Number(entry))
    const classic = /^(\d{20})\.checkpoint\.parquet$/.exec(name)?.[1]
    if (classic !== undefined) whole.set(Number(classic), [name])
    const [, version, , count] = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/.exec(name) ?? []
    if (version !== undefined) {
      const key = `${version}.${count}`
      parts.set(key, [...(parts.get(key) ?? []), name])
    }
  }
  for (const [key, found] of parts) {
    const [version, count] = key.split('.').map(Number) as [number, number]
    // One that its writer didn't finish is no checkpoint.
    if (found.length === count && !whole.has(version)) whole.set(version, found)
  }
  return { entries: entries.sort((a, b) => a - b), checkpoints: whole }
}
