import { scatter } from './api.ts'

export const faultKinds = ['slow', 'tooManyRequests', 'serverError', 'reset'] as const

/**
 * - `slow`: the answer waits
 * - `tooManyRequests`: status 429 with `retry-after`
 * - `serverError`: status 500
 * - `reset`: half of the answer, then a reset connection
 */
export type FaultKind = (typeof faultKinds)[number]

export interface FaultOptions {
  /** An integer; the same seed gives the same faults to the same requests, counted as they arrive. @default 1 */
  readonly seed?: number
  /** Share of requests with a fault, 0 to 1. @default 0.04 */
  readonly rate?: number
  /** What may happen, each as likely; a kind that is named twice is twice as likely. @default all four */
  readonly kinds?: readonly FaultKind[]
  /** How long a slow answer waits. @default 1000 */
  readonly slowMs?: number
  /** The value of `retry-after`, whole seconds. @default 1 */
  readonly retryAfterSeconds?: number
}

export interface Faults {
  readonly slowMs: number
  readonly retryAfterSeconds: number
  /** The fault of request `number`, or undefined. */
  readonly of: (number: number) => FaultKind | undefined
}

export function plannedFaults(options: FaultOptions): Faults {
  const { seed = 1, rate = 0.04, kinds = faultKinds, slowMs = 1000, retryAfterSeconds = 1 } = options
  if (!Number.isSafeInteger(seed)) throw new RangeError(`faults.seed must be an integer, and it is ${seed}`)
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`faults.rate must be a number from 0 to 1, and it is ${rate}`)
  if (kinds.length === 0) throw new RangeError('faults.kinds must name at least one kind; use faults: false for none')
  if (!(slowMs >= 0)) throw new RangeError(`faults.slowMs must be a number from 0, and it is ${slowMs}`)
  if (!Number.isSafeInteger(retryAfterSeconds) || retryAfterSeconds < 0) {
    throw new RangeError(`faults.retryAfterSeconds must be an integer from 0, and it is ${retryAfterSeconds}`)
  }
  return {
    slowMs,
    retryAfterSeconds,
    of: (number) => {
      const drawn = scatter(seed, number)
      return drawn < rate ? kinds[Math.floor((drawn / rate) * kinds.length)] : undefined
    },
  }
}
