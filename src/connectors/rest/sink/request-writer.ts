import type { PartitionWriter } from '../../../sink.ts'
import type { RefusedPartition } from './dead-letter-sink.ts'
import type { RefusedRow } from './refused-row.ts'
import type { Slice } from './request.ts'

/** What a written partition leaves for the commit. */
export interface HttpMessage<Dead> {
  /** `undefined` where no row was refused. */
  readonly dead: { readonly message: Dead } | undefined
}

/** What {@link RequestWriter} works with. */
export interface RequestWriterOptions<Row extends object, Dead> {
  readonly batchSize: number
  /** Requests under way at once. */
  readonly concurrency: number
  readonly deliver: (slice: Slice<Row>) => Promise<readonly RefusedRow[]>
  readonly refused: RefusedPartition<Dead>
}

/**
 * Cuts the rows of a partition into requests of `batchSize` rows, counted from its first row. A write settles when there is room for a further request, so that
 * no more than `concurrency` requests, less than another one and the chunk are in memory. Refused rows are written in the order of their ordinals.
 */
export class RequestWriter<Row extends object, Dead> implements PartitionWriter<Row, HttpMessage<Dead>> {
  readonly #options: RequestWriterOptions<Row, Dead>
  readonly #underWay = new Set<Promise<void>>()
  #rows: Row[] = []
  #next = 0
  /** Settles when the refused rows of all requests so far are written. */
  #refusedBefore: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(options: RequestWriterOptions<Row, Dead>) {
    this.#options = options
  }

  readonly write = async (rows: readonly Row[]): Promise<void> => {
    const { batchSize, concurrency } = this.#options
    let from = 0
    while (this.#rows.length + rows.length - from >= batchSize) {
      const to = from + batchSize - this.#rows.length
      this.#begin([...this.#rows, ...rows.slice(from, to)])
      this.#rows = []
      from = to
      await this.#untilUnderWay(concurrency - 1)
    }
    for (const row of rows.slice(from)) this.#rows.push(row)
  }

  readonly finish = async (): Promise<HttpMessage<Dead>> => {
    if (this.#rows.length > 0) this.#begin(this.#rows)
    this.#rows = []
    await this.#untilUnderWay(0)
    return { dead: await this.#options.refused.finish() }
  }

  readonly discard = async (): Promise<void> => {
    await Promise.all(this.#underWay)
    await this.#options.refused.discard()
  }

  #begin(rows: readonly Row[]): void {
    const slice = { first: this.#next, rows }
    this.#next += rows.length
    const before = this.#refusedBefore
    const delivered = this.#options.deliver(slice)
    const written = delivered.then(async (refused) => {
      await before
      if (refused.length > 0) await this.#options.refused.write(refused)
    })
    this.#refusedBefore = written
    // A request without refused rows needn't wait for those before it.
    const done = delivered
      .then((refused) => (refused.length > 0 ? written : undefined))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#underWay.delete(done))
    written.catch(() => undefined) // told by `done`, or by the request before it
    this.#underWay.add(done)
  }

  async #untilUnderWay(most: number): Promise<void> {
    while (this.#underWay.size > most && this.#failure === undefined) await Promise.race(this.#underWay)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
