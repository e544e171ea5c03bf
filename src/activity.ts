/**
 * What an attempt at a partition spends its time on, one at a time:
 * - `fetch`: a chunk is asked for, and the writer has nothing to do;
 * - `quota`, `breaker`, `backoff`: the source, an operator or the sink waits on purpose: for a rate limit, for a circuit to close, before another try;
 * - `transform`: operators work on what was read;
 * - `write`: the writer opens, writes, finishes or discards;
 * - `backpressured`: the writer writes, and the reader may not go on until it has.
 */
export const activities = ['fetch', 'quota', 'breaker', 'backoff', 'transform', 'write', 'backpressured'] as const

/** One of {@link activities}. */
export type Activity = (typeof activities)[number]

/** What a source or a sink may say it waits for. */
export type Waiting = 'quota' | 'breaker' | 'backoff'

/** What the engine can't see for itself, told by `context.report`. */
export interface PartitionReport {
  /** Bytes read or written since the last report; 0 for none. */
  readonly bytes: number
  /** Rows that were left out because they were known already. */
  readonly deduplicated?: number
  /** Rows that were left out because they came too late. */
  readonly late?: number
  /** From now on the caller waits for this; `'nothing'`: it goes on. */
  readonly waiting?: Waiting | 'nothing'
}

/** Milliseconds by activity. */
export type ActivityTimes = Readonly<Record<Activity, number>>

/**
 * Accounts for every millisecond of an attempt: what goes on changes, and the time since the last change belongs to what went on before. So the times
 * of all activities together are the time that has passed. A clock that is set back costs what it was set back by, and no more.
 */
export class ActivityClock {
  readonly #now: () => number
  readonly #times: Record<Activity, number> = {
    fetch: 0,
    quota: 0,
    breaker: 0,
    backoff: 0,
    transform: 0,
    write: 0,
    backpressured: 0,
  }
  #since: number
  #activity: Activity = 'transform'
  #stopped = false
  #reading = false
  #full = false
  #calling: 'write' | 'finish' | undefined
  #held: Waiting | undefined
  #readerWaits: Waiting | undefined
  #writerWaits: Waiting | undefined
  /** When somebody last stopped waiting on purpose; 0: nobody has. */
  waitedUntil = 0
  readMs = 0
  writeMs = 0
  finishMs = 0

  /** @param now milliseconds. @param since when the attempt began. @default now() */
  constructor(now: () => number, since = now()) {
    this.#now = now
    this.#since = since
  }

  get activity(): Activity {
    return this.#activity
  }

  /** When it last changed or was looked at: a moment that costs nothing. */
  get lastTurnAt(): number {
    return this.#since
  }

  /** Up to now. */
  get times(): ActivityTimes {
    this.#turn()
    return { ...this.#times }
  }

  /** A chunk is being asked for, or no more. */
  reading(on: boolean): void {
    if (this.#reading === on) return
    this.#turn()
    this.#reading = on
    this.#decide()
  }

  /** The reader may not go on, or may. */
  full(on: boolean): void {
    if (this.#full === on) return
    this.#turn()
    this.#full = on
    this.#decide()
  }

  /** The writer is being called. */
  calling(what: 'write' | 'finish' | undefined): void {
    if (this.#calling === what) return
    this.#turn()
    this.#calling = what
    this.#decide()
  }

  /** What goes on goes on: only {@link lastTurnAt} moves. */
  look(): void {
    this.#turn()
  }

  /** Somebody waits on purpose. */
  waits(who: 'reader' | 'operator' | 'writer', what: Waiting | undefined): void {
    this.#turn()
    if (what === undefined) this.waitedUntil = this.#since
    if (who === 'reader') this.#readerWaits = what
    else if (who === 'writer') this.#writerWaits = what
    else this.#held = what
    this.#decide()
  }

  /** The attempt is over. */
  stop(): void {
    this.#turn()
    this.#stopped = true
  }

  #decide(): void {
    this.#activity =
      this.#calling !== undefined
        ? (this.#writerWaits ?? (this.#full ? 'backpressured' : 'write'))
        : (this.#held ?? (this.#reading ? (this.#readerWaits ?? 'fetch') : 'transform'))
  }

  #turn(): void {
    if (this.#stopped) return
    const now = this.#now()
    const ms = now - this.#since
    this.#since = now
    if (ms <= 0) return
    this.#times[this.#activity] += ms
    if (this.#reading) this.readMs += ms
    if (this.#calling === 'write') this.writeMs += ms
    else if (this.#calling === 'finish') this.finishMs += ms
  }
}
