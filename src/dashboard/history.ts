import { interval, type SchedulerLike, Subscription } from 'rxjs'
import type { Monitor } from '../metrics/monitor.ts'
import type { QuerySnapshot } from '../metrics/query-snapshot.ts'
import { safely } from '../safe-feed.ts'

/** How a query was doing at one moment. Rates are rows a second since the moment before. */
export interface HistoryPoint {
  /** Milliseconds. */
  readonly at: number
  readonly read: number
  readonly committed: number
  /** `null` where no source can tell. */
  readonly lag: number | null
}

/** What a batch took. */
export interface BatchPoint {
  /** When it ended, milliseconds. */
  readonly at: number
  readonly batchId: number
  readonly rows: number
  /** Milliseconds by phase. */
  readonly phases: Readonly<Record<string, number>>
}

/** What a page shows over time. */
export interface QueryHistory {
  readonly points: readonly HistoryPoint[]
  readonly batches: readonly BatchPoint[]
}

interface Kept {
  readonly points: HistoryPoint[]
  readonly batches: BatchPoint[]
  last: { readonly at: number; readonly read: number; readonly committed: number } | undefined
}

/** A point a second. */
export const everyMs = 1_000
/** Ten minutes of points, and as many batches. */
const kept = 600

/** Remembers the last minutes of each query, so that a page that is opened late has something to show. */
export class History {
  readonly #queries = new Map<string, Kept>()
  readonly #subscription = new Subscription()

  constructor(monitor: Monitor, scheduler: SchedulerLike) {
    this.#subscription.add(
      interval(everyMs, scheduler).subscribe(
        safely(() => {
          for (const query of monitor.queries()) this.#point(query, scheduler.now())
        }, 'the page'),
      ),
    )
    this.#subscription.add(
      monitor.changes$.subscribe(({ query, what }) => {
        if (what !== 'batch') return
        const progress = monitor.queries().find(({ name }) => name === query)?.lastProgress
        if (progress === undefined) return
        const { batchId, numInputRows, durationMs } = progress
        keep(this.#of(query).batches, { at: scheduler.now(), batchId, rows: numInputRows, phases: durationMs })
      }),
    )
  }

  of(query: string): QueryHistory {
    return this.#of(query)
  }

  close(): void {
    this.#subscription.unsubscribe()
  }

  #point({ name, partitions, lags }: QuerySnapshot, at: number): void {
    const history = this.#of(name)
    const read = partitions.reduce((sum, { rowsRead }) => sum + rowsRead, 0)
    const committed = partitions.reduce((sum, { rowsCommitted }) => sum + rowsCommitted, 0)
    const { last } = history
    history.last = { at, read, committed }
    if (last === undefined || at <= last.at) return
    const rate = (now: number, before: number): number => (Math.max(0, now - before) / (at - last.at)) * 1_000
    const lag = lags.length === 0 ? null : lags.reduce((sum, { rows }) => sum + rows, 0)
    keep(history.points, { at, read: rate(read, last.read), committed: rate(committed, last.committed), lag })
  }

  #of(query: string): Kept {
    const known = this.#queries.get(query)
    if (known !== undefined) return known
    const fresh: Kept = { points: [], batches: [], last: undefined }
    this.#queries.set(query, fresh)
    return fresh
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > kept) list.shift()
}
