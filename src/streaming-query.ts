import { concat, defer, EMPTY, NEVER, Observable, tap } from 'rxjs'
import { QueryRunningError } from './errors.ts'
import type { QueryProgress } from './progress.ts'
import type { RunControls } from './query.ts'
import { QueryRun } from './query-run.ts'
import { Tracker } from './tracker.ts'

/**
 * A query that can be run: an Observable of its progress, one value a batch. Cold: subscribing runs it, unsubscribing aborts it.
 * Errors and completion come after everything was torn down and unlocked, so that `query.pipe(retry(3))` works. Running it twice at once fails.
 */
export class StreamingQuery extends Observable<QueryProgress> {
  readonly name: string
  readonly #run: (controls: RunControls) => Observable<QueryProgress>
  #current: { readonly idle: Observable<never>; left: boolean } | undefined

  constructor(name: string, run: (controls: RunControls) => Observable<QueryProgress>) {
    super((subscriber) => {
      const controls = { kick$: NEVER, drain$: NEVER, tracker: new Tracker(), onEvent: () => {}, onOutcome: () => {} }
      return this.#once(controls).subscribe(subscriber)
    })
    this.name = name
    this.#run = run
  }

  /** Runs it, with a handle to observe and to stop it by. */
  start(): QueryRun {
    return new QueryRun((controls) => this.#once(controls), this.name)
  }

  #once(controls: RunControls): Observable<QueryProgress> {
    return new Observable((subscriber) => {
      const former = this.#current
      if (former !== undefined && !former.left) {
        subscriber.error(new QueryRunningError(`query ${JSON.stringify(this.name)} is running already`))
        return
      }
      // A run that was left while it waited for a former one leaves that one's place taken.
      const idle = concat(former?.idle ?? EMPTY, controls.tracker.idle)
      const current = { idle, left: false }
      this.#current = current
      const free = (): void => {
        if (this.#current === current) this.#current = undefined
      }
      subscriber.add(() => {
        current.left = true
        idle.subscribe({ complete: free })
      })
      // A run that was left is still being torn down: the next one waits for it (`query.pipe(take(2), repeat(3))`).
      const run = defer(() => this.#run(controls)).pipe(tap({ error: free, complete: free }))
      subscriber.add((former === undefined ? run : concat(former.idle, run)).subscribe(subscriber))
    })
  }
}
