import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../../duration.ts'
import { OptionError } from '../../../errors.ts'
import { MovingWindow } from '../../../moving-window.ts'
import { type OptionRule, required, rules, validateOptions } from '../../../options.ts'
import { longTimer } from '../../../timer.ts'
import { type Quota, quotasOf } from './rate-limit-headers.ts'
import { retryAfterMs } from './retry-after.ts'

/** How many requests in which time. */
export interface BudgetLimit {
  /** The most requests (of weight 1) … */
  readonly requests: number
  /** … in any window of this length. */
  readonly per: Duration
}

interface CommonOptions {
  /**
   * Added to every window: how much longer one request may be on its way to the server than another, so that they don't get closer together there than
   * they were here. @default '50 milliseconds'
   */
  readonly margin?: Duration
  /**
   * Reads from the headers of an answer (names in lower case) what is left; `now` in milliseconds since 1970. `false`: limits and `Retry-After` are all
   * there is. @default `RateLimit`, `ratelimit-…`, `x-ratelimit-…` in their usual forms
   */
  readonly quotas?: false | QuotaReader
  /** The longest that the server's word (a quota, `Retry-After`) holds anybody up: then a request finds out anew. @default '1 hour' */
  readonly maxPause?: Duration
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

/** Reads from the headers of an answer what is left. */
export type QuotaReader = (headers: Readonly<Record<string, string>>, now: number) => readonly Quota[]

/** One limit, or several that hold at once: ten a second and a thousand an hour. With `limits: []` there is only what the server says. */
export type BudgetOptions = CommonOptions &
  (
    | (BudgetLimit & { readonly limits?: never })
    | { readonly limits: readonly BudgetLimit[]; readonly requests?: never; readonly per?: never }
  )

/** A request that may be sent now. One of the two must be called. */
export interface BudgetTicket {
  /** @param headers names in lower case. */
  readonly answered: (status: number, headers: Readonly<Record<string, string>>) => void
  readonly unanswered: () => void
}

/** What all requests to an API may cost together. Share one object among all clients of the API in a process. */
export interface RequestBudget {
  /**
   * Settles when a request may be sent; in the order of the calls.
   * @param weight what it costs.
   * @throws OptionError for a weight that a limit never has room for; the signal's reason when it is aborted, which gives up the place in the line.
   */
  readonly take: (weight: number, signal?: AbortSignal) => Promise<BudgetTicket>
}

const limitRules = {
  requests: required(rules.positiveInteger),
  per: required(positiveDurationRule),
} as const satisfies Record<keyof BudgetLimit, OptionRule>

const budgetRules = {
  margin: durationRule,
  quotas: { expected: 'a function, or false', accepts: (value) => value === false || typeof value === 'function' },
  maxPause: positiveDurationRule,
  scheduler: rules.object,
  limits: { expected: 'a list of { requests, per }', accepts: Array.isArray },
} as const satisfies Record<keyof CommonOptions | 'limits', OptionRule>

/**
 * At most so many requests in any window of time: moving windows, so no burst where two of them meet. Who must wait waits in line, and may leave.
 *
 * What the server says tightens it: quotas in headers (requests that are under way count as not yet seen by the server), and an answer 429 or 503 with
 * `Retry-After` pauses everybody until then.
 *
 * ```ts
 * const budget = requestBudget({ limits: [{ requests: 10, per: '1 second' }, { requests: 1_000, per: '1 hour' }] })
 * const orders = rest({ url: 'https://api.example.com/orders', budget, … })
 * const items = rest({ url: 'https://api.example.com/items', budget, … })
 * ```
 *
 * It counts in this process only, and from its start: leave room for whoever else shares the quota.
 * @throws OptionError
 */
export function requestBudget(options: BudgetOptions): RequestBudget {
  const owner = 'requestBudget'
  const { requests, per, ...common } = options
  const single = requests !== undefined || per !== undefined
  validateOptions(owner, common, budgetRules)
  if (single === (common.limits !== undefined))
    throw new OptionError(`${owner}: expected either "requests" and "per", or "limits"`)
  const { margin = '50 milliseconds', quotas = quotasOf, scheduler = asyncScheduler } = common
  const marginMs = durationMs(margin, owner, 'margin')
  const windows = (common.limits ?? [{ requests, per } as BudgetLimit]).map((limit, index) => {
    const name = single ? owner : `${owner}: limits[${index}]`
    validateOptions(name, limit, limitRules)
    return new MovingWindow(limit.requests, durationMs(limit.per, name, 'per') + marginMs)
  })
  const maxPauseMs = durationMs(common.maxPause ?? '1 hour', owner, 'maxPause')
  return new Budget(windows, { quotas: quotas === false ? () => [] : quotas, maxPauseMs, scheduler })
}

interface Waiting {
  readonly weight: number
  readonly go: () => void
}

/** What a server said is left: until then no more than so much may have been granted in all. */
interface Cap {
  readonly granted: number
  readonly until: number
}

class Budget implements RequestBudget {
  readonly #windows: readonly MovingWindow[]
  readonly #quotas: QuotaReader
  readonly #maxPauseMs: number
  readonly #scheduler: SchedulerLike
  /** In the order of their calls; leaving is cheap. */
  readonly #waiting = new Set<Waiting>()
  #granted = 0
  #underWay = 0
  #caps: readonly Cap[] = []
  #pausedUntil = -Infinity
  #timer = Subscription.EMPTY
  #lastNow: number

  constructor(
    windows: readonly MovingWindow[],
    {
      quotas,
      maxPauseMs,
      scheduler,
    }: { readonly quotas: QuotaReader; readonly maxPauseMs: number; readonly scheduler: SchedulerLike },
  ) {
    this.#windows = windows
    this.#quotas = quotas
    this.#maxPauseMs = maxPauseMs
    this.#scheduler = scheduler
    this.#lastNow = scheduler.now()
  }

  readonly take = (weight: number, signal?: AbortSignal): Promise<BudgetTicket> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      this.#checkWeight(weight)
      const leave = (): void => {
        this.#waiting.delete(waiting)
        reject(signal?.reason)
        this.#proceed() // whoever is next may be lighter
      }
      const waiting: Waiting = {
        weight,
        go: () => {
          signal?.removeEventListener('abort', leave)
          resolve(this.#ticket(weight))
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.add(waiting)
      this.#proceed()
    })

  #checkWeight(weight: number): void {
    const most = Math.min(Infinity, ...this.#windows.map(({ limit }) => limit))
    if (weight > 0 && weight <= most) return
    throw new OptionError(
      `requestBudget: the weight of a request must be more than 0 and at most ${most}, for which there is room at all, and it is ${weight}`,
    )
  }

  /** Lets through whom there is room for, and comes back when there is room for the next one. */
  #proceed(): void {
    this.#timer.unsubscribe()
    for (const waiting of this.#waiting) {
      const waitMs = this.#waitMs(waiting.weight)
      if (waitMs > 0) {
        this.#timer = longTimer(waitMs, this.#scheduler).subscribe(() => this.#proceed())
        return
      }
      for (const window of this.#windows) window.use(waiting.weight, this.#lastNow)
      this.#waiting.delete(waiting)
      this.#granted += waiting.weight
      this.#underWay += waiting.weight
      waiting.go()
    }
  }

  #waitMs(weight: number): number {
    const now = this.#now()
    const caps = this.#caps.filter(({ granted }) => this.#granted + weight > granted)
    return Math.max(
      this.#pausedUntil - now,
      ...caps.map(({ until }) => until - now),
      ...this.#windows.map((window) => window.waitMs(weight, now)),
    )
  }

  #ticket(weight: number): BudgetTicket {
    let isUnderWay = true
    const settle = (): void => {
      if (isUnderWay) this.#underWay -= weight
      isUnderWay = false
    }
    return {
      unanswered: settle,
      answered: (status, headers) => {
        settle()
        this.#heed(status, headers)
      },
    }
  }

  #heed(status: number, headers: Readonly<Record<string, string>>): void {
    const now = this.#now()
    const quotas = this.#quotas(headers, now)
    const pause = status === 429 || status === 503 ? retryAfterMs({ status, headers }, now) : undefined
    const endOf = (ms: number): number => now + Math.min(ms, this.#maxPauseMs)
    // The last word counts. What is under way may not have been counted by the server yet.
    const granted = this.#granted - this.#underWay
    if (quotas.length > 0)
      this.#caps = quotas.map(({ remaining, resetMs }) => ({ granted: granted + remaining, until: endOf(resetMs) }))
    if (pause !== undefined) this.#pausedUntil = Math.max(this.#pausedUntil, endOf(pause))
    if (quotas.length > 0 || pause !== undefined) this.#proceed()
  }

  /** The scheduler's time. When its clock is set back, what is remembered goes back with it: nobody waits for an hour that is over. */
  #now(): number {
    const now = this.#scheduler.now()
    const back = Math.max(0, this.#lastNow - now)
    if (back > 0) {
      this.#pausedUntil -= back
      this.#caps = this.#caps.map(({ granted, until }) => ({ granted, until: until - back }))
    }
    this.#lastNow = now
    return now
  }
}
