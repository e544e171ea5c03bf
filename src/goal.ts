import { defer, EMPTY, ignoreElements, type Observable, tap } from 'rxjs'
import { callPort } from '../operators/call-port.ts'
import { bindPorts } from './bind-ports.ts'
import { compareOffsets, copyOffset, refuseRegression } from './offset.ts'
import type { QueryLog } from './query-log.ts'
import type { RunContext } from './run-context.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from './source.ts'

/** How much a batch takes: no more than the source's {@link ReadLimit}, no less than `minRows` (unless it has waited for `maxDelayMs`). */
export interface BatchLimit extends ReadLimit {
  /** @default 0 */
  readonly minRows: number
  /** Milliseconds. @default Infinity */
  readonly maxDelayMs: number
}

/**
 * How far a run goes. For a bounded trigger the head of the source is frozen once, and reached by the source's `compare`.
 * Without an order of offsets "reached" can't be told: then all that is there now is one batch, whatever the limit.
 */
export class Goal<Offset extends object, Partition, Row extends object> {
  /** What each batch may take. */
  readonly readLimit: ReadLimit
  readonly #reader: StreamReader<Offset, Partition, Row>
  readonly #log: QueryLog
  readonly #bounded: boolean
  readonly #compare: ((a: Offset, b: Offset) => number) | undefined
  readonly #context: RunContext
  #target: Offset | undefined
  #tookAll = false

  constructor(
    reader: StreamReader<Offset, Partition, Row>,
    log: QueryLog,
    { maxRows, maxBytes, maxFiles }: ReadLimit,
    bounded: boolean,
    context: RunContext,
  ) {
    this.#reader = reader
    this.#log = log
    this.#bounded = bounded
    this.#compare = bindPorts(reader, ['compare']).compare
    this.#context = context
    const inOneBatch = bounded && this.#compare === undefined
    this.readLimit = inOneBatch ? readAllAvailable : { maxRows, maxBytes, maxFiles }
    if (inOneBatch && [maxRows, maxBytes, maxFiles].some((value) => value !== Infinity)) {
      const message =
        'availableNow takes all there is in one batch and ignores the limit, because the source has no compare'
      context.emit({ type: 'warning', message })
    }
  }

  /** Nothing needs to be asked (any more) before the first batch. */
  get isFrozen(): boolean {
    return !this.#bounded || this.#compare === undefined || this.#target !== undefined
  }

  /** Completes when the target is known: at once after the first time. */
  readonly frozen: Observable<never> = defer(() => {
    if (this.isFrozen) return EMPTY
    return this.#head().pipe(
      tap((head) => {
        this.#target = copyOffset(head)
      }),
      ignoreElements(),
    )
  })

  get reached(): boolean {
    const target = this.#target
    return (
      target !== undefined &&
      this.#compare !== undefined &&
      compareOffsets(this.#compare, this.#log.position as Offset, target) >= 0
    )
  }

  /** A batch was planned by this run. */
  planned(): void {
    this.#tookAll = this.readLimit === readAllAvailable
  }

  /** Whether the trigger may end. */
  caughtUp(hadBatch: boolean): boolean {
    return this.#bounded && (this.#tookAll || !hadBatch || this.reached)
  }

  #head(): Observable<Offset> {
    const reader = this.#reader
    const { reportLatestOffset } = bindPorts(reader, ['reportLatestOffset'])
    const start = this.#log.position as Offset
    return reportLatestOffset === undefined
      ? callPort(this.#context, 'latestOffset', () => reader.latestOffset(start, readAllAvailable)).pipe(
          tap((head) => refuseRegression(start, head, this.#compare)),
        )
      : callPort(this.#context, 'reportLatestOffset', () => reportLatestOffset())
  }
}
