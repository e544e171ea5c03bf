/** The rows that the benches of the core work on: chunks of a thousand, made before anything is timed. */
export interface Row {
  readonly id: number
  readonly name: string
}

export const chunkRows = 1_000
export const chunk: readonly Row[] = Array.from({ length: chunkRows }, (_, id) => ({ id, name: `n${id}` }))
export const bytesPerRow = JSON.stringify(chunk).length / chunkRows

export async function* read(chunks: number): AsyncGenerator<readonly Row[]> {
  for (let i = 0; i < chunks; i++) yield chunk
}

interface SourceOptions {
  /** Of a batch, shared out among its partitions. */
  readonly chunks: number
  readonly batches?: number
  readonly partitions?: number
}

/** A replayable source of `chunk`, again and again. Its ports answer at once; the read is an async generator. */
export function source({ chunks, batches = 1, partitions = 1 }: SourceOptions) {
  return {
    name: 'bench',
    streamReader: () => ({
      initialOffset: () => ({ offset: 0 }),
      latestOffset: ({ offset }: { offset: number }) => ({ offset: Math.min(batches, offset + 1) }),
      partitions: () => Array.from({ length: partitions }, () => ({ chunks: chunks / partitions })),
      read: (partition: { chunks: number }) => read(partition.chunks),
      compare: (a: { offset: number }, b: { offset: number }) => a.offset - b.offset,
      reportLatestOffset: () => ({ offset: batches }),
    }),
  }
}

export const twice = (row: Row) => ({ id: row.id, twice: row.id * 2, name: row.name })
/** Of nine in ten rows. */
export const isKept = (row: { readonly id: number }): boolean => row.id % 10 !== 0

/** Fails when not as many rows arrived as `isKept` keeps of so many. */
export function assertKept(arrived: number, rows: number): void {
  if (arrived !== rows * 0.9) throw new Error(`${arrived} rows arrived of ${rows * 0.9}`)
}

/** What somebody writes who needs no more than this: one async loop over chunks, the writer awaited for each. */
export async function loopByHand(chunks: number): Promise<void> {
  let written = 0
  const write = async (rows: readonly object[]): Promise<void> => {
    written += rows.length
  }
  for await (const rows of read(chunks)) {
    const out: { id: number; twice: number; name: string }[] = []
    for (const row of rows) {
      const next = twice(row)
      if (isKept(next)) out.push(next)
    }
    await write(out)
  }
  assertKept(written, chunks * chunkRows)
}
