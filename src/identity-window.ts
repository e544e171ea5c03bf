import { concatMap, from, map, type Observable, range, take, tap, throwIfEmpty } from 'rxjs'
import type { CheckpointSession } from './checkpoint/checkpoint.ts'
import { CheckpointCorruptError, PortError } from './errors.ts'

/** Each journal begins with one. The batches in between hold only their own identities. */
export interface JournalHeader {
  readonly identities?: readonly string[]
  /** All that was known before this batch, oldest first. */
  readonly snapshot?: readonly string[]
}

/** Every so many batches the journal holds the whole window. */
export const snapshotEvery = 32

type ReadJournal = NonNullable<CheckpointSession['readJournal']>
type Encode = (header: JournalHeader, chunks: readonly (readonly unknown[])[]) => readonly Uint8Array[]

/** The identities of the latest rows. Lives in the journals, so that it is exactly as durable as the rows. */
export class IdentityWindow<Row> {
  readonly #identity: (row: Row) => string | null
  #size: number
  readonly #known = new Set<string>()
  #captured: readonly string[] = []

  constructor(identity: (row: Row) => string | null, size: number) {
    this.#identity = identity
    this.#size = size
  }

  /** Reads the window back from the journals up to `lastBatchId`. */
  restore(readJournal: ReadJournal, lastBatchId: number): Observable<unknown> {
    const first = lastBatchId - (lastBatchId % snapshotEvery)
    this.#known.clear()
    return range(first, lastBatchId - first + 1).pipe(
      concatMap((batchId) =>
        from(readJournal(batchId)).pipe(
          take(1),
          map((chunk) => chunk[0] as JournalHeader),
          throwIfEmpty(
            () =>
              new CheckpointCorruptError(
                `the journal of batch ${batchId} is missing, which holds known identities; the checkpoint must keep ${snapshotEvery + 1} batches or more`,
              ),
          ),
          tap(({ snapshot = [], identities = [] }) => {
            this.#size = Math.max(this.#size, snapshot.length) // it had grown when that was written
            this.#hold(identities.length)
            for (const identity of snapshot) this.#add(identity)
            for (const identity of identities) this.#add(identity)
          }),
        ),
      ),
    )
  }

  /** The journal of a batch, without the rows that are known already. They count as known after {@link accept}. */
  capture(
    batchId: number,
    chunks: readonly (readonly Row[])[],
    encode: Encode,
    onKnown: (rows: number) => void = () => {},
  ): readonly Uint8Array[] {
    let known = 0
    const fresh = new Set<string>()
    const kept = chunks.map((rows) =>
      rows.filter((row) => {
        const identity = this.#identity(row)
        if (typeof identity !== 'string' || identity === '')
          throw new PortError(
            `journaled: a row has no identity, by which a repeat is known: it is ${identity === '' ? 'an empty text' : String(identity)}, and must be a text`,
          )
        if (this.#known.has(identity) || fresh.has(identity)) {
          known++
          return false
        }
        fresh.add(identity)
        return true
      }),
    )
    if (known > 0) onKnown(known)
    this.#captured = [...fresh]
    return encode(
      { identities: this.#captured, ...(batchId % snapshotEvery === 0 ? { snapshot: [...this.#known] } : {}) },
      kept,
    )
  }

  /** What was captured last is durable. */
  accept(): void {
    this.#hold(this.#captured.length)
    for (const identity of this.#captured) this.#add(identity)
    this.#captured = []
  }

  // All of the last batch may be delivered again, and be mixed with as many new rows.
  #hold(batchRows: number): void {
    this.#size = Math.max(this.#size, 2 * batchRows)
  }

  #add(identity: string): void {
    this.#known.delete(identity)
    this.#known.add(identity)
    if (this.#known.size > this.#size) this.#known.delete(this.#known.values().next().value as string)
  }
}
