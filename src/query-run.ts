import { firstValueFrom, Observable, ReplaySubject, Subject, takeUntil } from 'rxjs'
import type { QueryEvent } from './events.ts'
import type { QueryProgress } from './progress.ts'
import { ProgressFeed } from './progress-feed.ts'
import type { RunControls } from './query.ts'
import { SafeFeed } from './safe-feed.ts'
import { Tracker } from './tracker.ts'
import type { TriggerOutcome } from './trigger.ts'

/** What a query is doing, in Spark's words. */
export interface QueryStatus {
  readonly message: string
  /** Whether the last look at the source found something new. */
  readonly isDataAvailable: boolean
  /** Whether a batch is being looked for or run. */
  readonly isTriggerActive: boolean
}

/** How many progress reports a run remembers. */
const progressKept = 100

/**
 * A handle on a running query. The run begins in a microtask, so that whoever subscribes right after `start()` misses nothing.
 *
 * `await using run = query.start()` drains at the end of the block.
 */
export class QueryRun implements AsyncDisposable {
  /**
   * The progress of each batch. Hot; repeats the last one to late subscribers. Fails when the run does, for whoever takes errors;
   * for a mere function it ends, and {@link terminated} has the failure.
   */
  readonly progress$: Observable<QueryProgress>
  /**
   * Everything that happens, as it happens. Hot, never fails, completes when the run is over. An observer that throws changes nothing that is delivered,
   * and doesn't end the process: its first error is a warning of the process.
   */
  readonly events$: Observable<QueryEvent>
  /**
   * Resolves when the run is over and everything is unlocked; rejects with its failure. A failure that nobody listens for, here or
   * at {@link progress$}, is an unhandled rejection: it ends the process, and is not lost.
   */
  readonly terminated: Promise<void>

  /** Of the query. */
  readonly name: string

  readonly #progress = new ProgressFeed()
  readonly #events = new Subject<QueryEvent>()
  readonly #outcomes = new Subject<TriggerOutcome | { readonly error: unknown }>()
  // Repeated to whoever comes late: a pipeline that is still starting, or is started again.
  readonly #kick = new ReplaySubject<void>(1)
  readonly #drain = new ReplaySubject<void>(1)
  readonly #stop = new Subject<void>()
  readonly #tracker = new Tracker()
  readonly #recent: QueryProgress[] = []
  #status: QueryStatus = { message: 'Initializing sources', isDataAvailable: false, isTriggerActive: false }
  #ticks = 0
  #over = false
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void }

  /** @param run the cold query. */
  constructor(run: (controls: RunControls) => Observable<QueryProgress>, name = 'query') {
    this.name = name
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.terminated = promise
    this.#settle = { resolve, reject }
    this.events$ = new SafeFeed(this.#events, 'events$')
    this.progress$ = this.#progress
    queueMicrotask(() => this.#begin(run))
  }

  /** The progress of the latest batch of this run. */
  get lastProgress(): QueryProgress | undefined {
    return this.#recent.at(-1)
  }

  /** The progress of the latest hundred batches, oldest first. */
  get recentProgress(): readonly QueryProgress[] {
    return [...this.#recent]
  }

  get status(): QueryStatus {
    return this.#status
  }

  get isActive(): boolean {
    return !this.#over
  }

  /** Lets the batch in flight finish and begins no other; a journaled source's read into the journal is part of its batch. Resolves when everything is unlocked; rejects when the run fails meanwhile. */
  drain(): Promise<void> {
    this.#drain.next()
    return this.terminated
  }

  /** Aborts what is in flight (but never a commit that has begun). Resolves when everything has settled and is unlocked. */
  async stop(): Promise<void> {
    if (!this.#over) {
      this.#over = true
      this.#stop.next() // also from a callback of a run that hasn't returned from its first, synchronous stretch
      await idle(this.#tracker)
      this.#finish()
      this.#settle.resolve()
    }
    await this.terminated.catch(() => {}) // a run that had failed before is stopped, too
  }

  /**
   * Resolves when a look at the source that began after this call finds nothing new, or the run is over; rejects when it fails.
   * What `minRows` holds back is not waited for.
   */
  async processAllAvailable(): Promise<void> {
    if (this.#over) return this.terminated
    const before = this.#ticks
    const nothingNew = firstValueFrom(
      new Observable<void>((subscriber) =>
        this.#outcomes.subscribe({
          next: (outcome) => {
            if ('error' in outcome) {
              this.#heard()
              subscriber.error(outcome.error)
            } else if (this.#ticks > before && (outcome.batchId === undefined || outcome.caughtUp)) subscriber.next()
            else this.#kick.next()
          },
          complete: () => subscriber.next(),
        }),
      ),
    )
    this.#kick.next()
    await nothingNew
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  #begin(run: (controls: RunControls) => Observable<QueryProgress>): void {
    if (this.#over) return
    const controls: RunControls = {
      kick$: this.#kick,
      drain$: this.#drain,
      tracker: this.#tracker,
      onEvent: (event) => {
        if (event.type === 'triggered') this.#ticks++
        this.#status = nextStatus(this.#status, event)
        this.#events.next(event)
      },
      onOutcome: (outcome) => this.#outcomes.next(outcome),
    }
    run(controls)
      .pipe(takeUntil(this.#stop))
      .subscribe({
        next: (progress) => {
          this.#recent.push(progress)
          if (this.#recent.length > progressKept) this.#recent.shift()
          this.#progress.next(progress)
        },
        error: (error: unknown) => {
          this.#over = true
          this.#outcomes.next({ error })
          if (this.#progress.fail(error)) this.#heard()
          this.#finish()
          this.#settle.reject(error)
        },
        complete: () => {
          if (this.#over) return // stopped: it is over when everything has settled
          this.#over = true
          this.#finish()
          this.#settle.resolve()
        },
      })
  }

  /** Somebody is told of the failure: it is no unhandled one. */
  #heard(): void {
    this.terminated.catch(() => {})
  }

  #finish(): void {
    this.#progress.complete()
    this.#events.complete()
    this.#outcomes.complete()
  }
}

function idle(tracker: Tracker): Promise<void> {
  return new Promise((resolve) => tracker.idle.subscribe({ complete: resolve }))
}

function nextStatus(status: QueryStatus, event: QueryEvent): QueryStatus {
  switch (event.type) {
    case 'triggered':
      return { ...status, message: 'Getting offsets', isTriggerActive: true }
    case 'planned':
      return { message: 'Processing new data', isDataAvailable: true, isTriggerActive: true }
    case 'idle':
      return { message: 'Waiting for data to arrive', isDataAvailable: false, isTriggerActive: false }
    case 'source-committed':
    case 'done':
      return { ...status, message: 'Waiting for next trigger', isTriggerActive: false }
    case 'restarting':
      return { ...status, message: 'Restarting', isTriggerActive: false }
    case 'stopped':
      return { message: 'Stopped', isDataAvailable: false, isTriggerActive: false }
    case 'failed': {
      const { error } = event
      return {
        message: `Terminated with exception: ${error instanceof Error ? error.message : String(error)}`,
        isDataAvailable: false,
        isTriggerActive: false,
      }
    }
    default:
      return status
  }
}
