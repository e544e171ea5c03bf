import {
  asyncScheduler,
  BehaviorSubject,
  Observable,
  type SchedulerLike,
  Subject,
  type Subscriber,
  type Subscription,
  takeUntil,
} from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from './duration.ts'
import { CircuitOpenError, isRetryable } from './errors.ts'
import { type OptionRule, oneOf, rules, validateOptions } from './options.ts'
import { longTimer } from './timer.ts'

/** `closed`: calls go through; `open`: none does; `half-open`: one does, and its end decides. */
export type CircuitState = 'closed' | 'open' | 'half-open'

/** When a circuit opens, and what becomes of the calls then. */
export interface CircuitOptions {
  /** Failures in a row that open it. @default 5 */
  readonly failures?: number
  /** How long no call is made before one probes. @default '30 seconds' */
  readonly openFor?: Duration
  /** `fail`: with a `CircuitOpenError`, at once; `wait`: for their turn, in order. @default 'fail' */
  readonly whenOpen?: 'fail' | 'wait'
  /** Whether an error means that the other side is in trouble; any other error shows that it answers. @default its boolean property `retryable`, else `true` */
  readonly isFailure?: (error: unknown) => boolean
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

const circuitRules = {
  failures: rules.positiveInteger,
  openFor: positiveDurationRule,
  whenOpen: oneOf('fail', 'wait'),
  isFailure: rules.function,
  scheduler: rules.object,
} as const satisfies Record<keyof CircuitOptions, OptionRule>

/** Keeps calls away from something that fails. Whoever calls the same thing shares one. */
export class Circuit {
  readonly #failures: number
  readonly #openForMs: number
  readonly #waits: boolean
  readonly #isFailure: (error: unknown) => boolean
  readonly #scheduler: SchedulerLike
  readonly #state = new BehaviorSubject<CircuitState>('closed')
  /** Starts calls that wait, in their order. */
  readonly #waiting = new Set<() => void>()
  #timer: Subscription | undefined
  #inARow = 0
  #openedAt = 0
  /** Counts changes of state: a call that began before the last one says nothing any more. */
  #era = 0
  #starting = false

  /** @param owner who takes the options, for errors. @throws OptionError */
  constructor(owner: string, options: CircuitOptions) {
    validateOptions(owner, options, circuitRules)
    this.#failures = options.failures ?? 5
    this.#openForMs = durationMs(options.openFor ?? '30 seconds', owner, 'openFor')
    this.#waits = options.whenOpen === 'wait'
    this.#isFailure = options.isFailure ?? isRetryable
    this.#scheduler = options.scheduler ?? asyncScheduler
  }

  get state(): CircuitState {
    return this.#state.value
  }

  /** The present state, then each change. Without end. */
  get state$(): Observable<CircuitState> {
    return this.#state.asObservable()
  }

  /**
   * The call, made when the circuit lets it through. Its end counts; a call that is left after it emitted something has ended well,
   * and one that is left before that says nothing.
   */
  guard<T>(call: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      const start = (): void => this.#call(call, subscriber)
      const mayStart = this.#waiting.size === 0 && this.state !== 'half-open' && this.#leftMs() <= 0
      if (mayStart) return start()
      if (!this.#waits) return subscriber.error(this.#refusal())
      this.#waiting.add(start)
      subscriber.add(() => {
        if (this.#waiting.delete(start)) this.#startWaiting()
      })
      this.#startWaiting()
    })
  }

  #call<T>(call: Observable<T>, subscriber: Subscriber<T>): void {
    const probes = this.state === 'open'
    if (probes) this.#enter('half-open')
    const era = this.#era
    const gone = new Subject<void>()
    let answered = false
    let ended = false
    const end = (failed: boolean): void => {
      ended = true
      if (era !== this.#era) return
      if (failed) this.#failed()
      else this.#succeeded()
    }
    subscriber.add(() => {
      gone.next()
      if (answered && !ended) end(false)
      // A probe that was given up has shown nothing: the next one may begin at once.
      if (probes && era === this.#era) this.#enter('open')
      this.#startWaiting()
    })
    call.pipe(takeUntil(gone)).subscribe({
      next: (value) => {
        answered = true
        subscriber.next(value)
      },
      error: (error: unknown) => {
        try {
          end(this.#isFailure(error))
        } catch (broken) {
          end(true)
          subscriber.error(broken)
        }
        subscriber.error(error)
      },
      complete: () => {
        if (subscriber.closed) return // it was left
        end(false)
        subscriber.complete()
      },
    })
  }

  #succeeded(): void {
    this.#inARow = 0
    if (this.state === 'half-open') this.#enter('closed')
  }

  #failed(): void {
    this.#inARow++
    if (this.state === 'closed' && this.#inARow < this.#failures) return
    this.#openedAt = this.#scheduler.now()
    this.#enter('open')
  }

  #enter(state: CircuitState): void {
    this.#era++
    this.#state.next(state)
  }

  /** How long no call is to be made; 0 or less when one may. */
  #leftMs(): number {
    if (this.state !== 'open') return 0
    const now = this.#scheduler.now()
    if (now < this.#openedAt) this.#openedAt = now // the clock was set back
    return this.#openedAt + this.#openForMs - now
  }

  #startWaiting(): void {
    if (this.#starting) return
    this.#starting = true
    this.#timer?.unsubscribe()
    for (const start of this.#waiting) {
      if (this.state === 'half-open') break
      const leftMs = this.#leftMs()
      if (leftMs > 0) {
        this.#timer = longTimer(leftMs, this.#scheduler).subscribe(() => this.#startWaiting())
        break
      }
      this.#waiting.delete(start)
      start()
    }
    this.#starting = false
  }

  #refusal(): CircuitOpenError {
    const leftMs = this.#leftMs()
    return leftMs > 0
      ? new CircuitOpenError(`the circuit is open: no call is made for another ${leftMs} ms`, { retryAfter: leftMs })
      : new CircuitOpenError('the circuit is half-open: no other call is made until the one that probes has ended')
  }
}
