import { asyncScheduler, type Observable, type SchedulerLike, Subject, Subscription } from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from '../duration.ts'
import { describeError } from '../errors.ts'
import type { QueryEvent } from '../events.ts'
import { labelText } from '../label-text.ts'
import { rules, validateOptions } from '../options.ts'
import type { QueryProgress } from '../progress.ts'
import { redact } from '../redact.ts'
import { SafeFeed } from '../safe-feed.ts'
import type { QuerySnapshot } from './query-snapshot.ts'
import { type Observe, QueryWatch, type WatchLimits } from './query-watch.ts'
import { type Samples, samplesOf } from './samples.ts'

/** Options of {@link Monitor}. */
export interface MonitorOptions {
  /** Partitions of a query that have series of their own; the rest share `_other`. @default 200 */
  readonly maxPartitions?: number
  /** A partition that nothing was heard of for so long has ended: its series go away. @default '1 hour' */
  readonly forgetAfter?: Duration
  /** A query that is busy and in which nothing moves for so long is not healthy. @default '2 minutes' */
  readonly staleAfter?: Duration
  /** Time; it should be that of the queries. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

/** What is observed: `QueryRun` is one. */
export interface ObservedRun {
  readonly name: string
  readonly events$: Observable<QueryEvent>
  readonly progress$: Observable<QueryProgress>
}

/** Something that is worth a look: an event of a query, a batch that was finished, or that a run is observed from now on. */
export interface MonitorChange {
  readonly query: string
  readonly what: QueryEvent['type'] | 'batch' | 'watched'
}

/** One value of a histogram. */
export interface HistogramValue {
  readonly name: Parameters<Observe>[0]
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * Observes runs of queries and knows at any time how they are doing: what metrics, health, the page and the terminal show.
 *
 * It looks at events and asks attempts for their figures when it is asked itself, so that it costs nothing for each row. What it throws changes nothing:
 * neither what is delivered nor whether the process lives.
 *
 * ```ts
 * const monitor = new Monitor()
 * const run = query.start()
 * monitor.watch(run)
 * monitor.queries()[0].health   // { healthy: true, reason: 'busy' }
 * ```
 */
export class Monitor {
  /** Each value of a histogram, as it comes. Hot, without end. */
  readonly values$: Observable<HistogramValue>
  /** Emits when something has happened that is worth a look: at most once a batch, and for each problem. Hot, without end. */
  readonly changes$: Observable<MonitorChange>
  readonly #limits: WatchLimits
  readonly #scheduler: SchedulerLike
  readonly #queries = new Map<string, QueryWatch>()
  readonly #values = new Subject<HistogramValue>()
  readonly #changes = new Subject<MonitorChange>()
  readonly #observed = new WeakMap<ObservedRun, Subscription>()
  #warned = false

  /** @throws OptionError */
  constructor(options: MonitorOptions = {}) {
    const owner = 'Monitor'
    validateOptions(owner, options, {
      maxPartitions: rules.positiveInteger,
      forgetAfter: positiveDurationRule,
      staleAfter: positiveDurationRule,
      scheduler: rules.object,
    })
    this.#limits = {
      maxPartitions: options.maxPartitions ?? 200,
      forgetAfterMs: durationMs(options.forgetAfter ?? '1 hour', owner, 'forgetAfter'),
      staleAfterMs: durationMs(options.staleAfter ?? '2 minutes', owner, 'staleAfter'),
    }
    this.#scheduler = options.scheduler ?? asyncScheduler
    this.values$ = new SafeFeed(this.#values, 'values$')
    this.changes$ = new SafeFeed(this.#changes, 'changes$')
  }

  /**
   * Observes a run from now on: call it right after `start()`. A run of a query that was observed before goes on where that one stopped counting.
   * One that is observed already isn't counted twice. **Hazard**: of two queries of one name that run at once the second is shown as `name (2)`.
   * @returns ends the observation early; it ends by itself with the run.
   */
  watch(run: ObservedRun): Subscription {
    const known = this.#observed.get(run)
    if (known !== undefined && !known.closed) return known
    const watch = this.#freeWatch(labelText(run.name))
    const { name } = watch
    watch.begins(this.#scheduler.now())
    const subscription = new Subscription()
    this.#observed.set(run, subscription)
    this.#changes.next({ query: name, what: 'watched' })
    subscription.add(() => watch.isLeft(this.#scheduler.now()))
    subscription.add(
      run.progress$.subscribe((progress) => {
        try {
          watch.progress(progress, this.#scheduler.now())
          this.#changes.next({ query: name, what: 'batch' })
        } catch (error) {
          this.#failed(error)
        }
      }),
    )
    subscription.add(
      run.events$.subscribe({
        // The one that comes with each chunk makes no closure.
        next: (event) => {
          try {
            watch.event(event)
            if (event.type !== 'partition-progress' && isWorthALook(event))
              this.#changes.next({ query: name, what: event.type })
          } catch (error) {
            this.#failed(error)
          }
        },
        complete: () => subscription.unsubscribe(),
      }),
    )
    return subscription
  }

  /** How the queries are doing, in the order in which they were first observed. */
  queries(): readonly QuerySnapshot[] {
    const now = this.#scheduler.now()
    return [...this.#queries.values()].map((watch) => watch.snapshot(now))
  }

  /** Counters and gauges by name, as they stand now. Histograms come by {@link values$}. */
  samples(): Samples {
    return samplesOf(this.queries())
  }

  /** Ready unless a query is not healthy. */
  health(): { readonly ready: boolean; readonly queries: Readonly<Record<string, string>> } {
    const queries = this.queries()
    return {
      ready: queries.every(({ health }) => health.healthy),
      queries: Object.fromEntries(queries.map(({ name, health }) => [name, health.reason])),
    }
  }

  /** That of the last run of this name; while it runs, one of its own: figures of two runs must not mix. */
  #freeWatch(name: string): QueryWatch {
    for (let i = 1; ; i++) {
      const shown = i === 1 ? name : `${name} (${i})`
      const known = this.#queries.get(shown)
      if (known?.isObserved) continue
      if (i > 1)
        process.emitWarning(
          `two queries named ${JSON.stringify(name)} run at once; one is shown as ${shown}`,
          'SluiceWarning',
        )
      const watch =
        known ??
        new QueryWatch(shown, this.#limits, (metric, labels, value) =>
          this.#values.next({ name: metric, labels, value }),
        )
      this.#queries.set(shown, watch)
      return watch
    }
  }

  #failed(error: unknown): void {
    if (this.#warned) return
    this.#warned = true
    process.emitWarning(`the monitor failed: ${redact(describeError(error))}`, 'SluiceWarning')
  }
}

const worthALook: ReadonlySet<QueryEvent['type']> = new Set([
  'started',
  'planned',
  'lag',
  'stall',
  'watchdog',
  'partition-failed',
  'warning',
  'restarting',
  'failed',
  'stopped',
])

function isWorthALook({ type }: QueryEvent): boolean {
  return worthALook.has(type)
}
