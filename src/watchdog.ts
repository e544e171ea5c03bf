import { type Duration, durationMs, positiveDurationRule } from './duration.ts'
import { type OptionRule, validateOptions } from './options.ts'

/** When an attempt at a partition is given up because nothing moves in it. */
export interface WatchdogOptions {
  /** No sooner than after this: milliseconds, or a text such as '30 seconds'. @default '1 minute' */
  readonly after?: Duration
  /** … and no sooner than after so many times the usual interval between two chunks of this run. @default 10 */
  readonly factor?: number
}

const factorRule: OptionRule = {
  expected: 'a number from 1',
  accepts: (value) => typeof value === 'number' && value >= 1 && Number.isFinite(value),
}

/** What is looked at in an attempt; milliseconds, of the run's scheduler. */
interface Paced {
  readonly chunksRead: number
  readonly startedAt: number
  readonly lastReadAt: number
}

/** How long an attempt may give nothing. It learns from each attempt what is usual; one for a run. */
export class Watchdog {
  readonly #afterMs: number
  readonly #factor: number
  /** Milliseconds between two chunks, over the attempts so far. */
  #usualMs = 0

  constructor({ afterMs, factor }: { readonly afterMs: number; readonly factor: number }) {
    this.#afterMs = afterMs
    this.#factor = factor
  }

  /** What is allowed now, by what was usual in this attempt and in those before. */
  limitMs(attempt: Paced): number {
    return Math.max(this.#afterMs, this.#factor * Math.max(this.#usualMs, intervalOf(attempt)))
  }

  /** An attempt is over. */
  learn(attempt: Paced): void {
    const intervalMs = intervalOf(attempt)
    this.#usualMs = this.#usualMs === 0 ? intervalMs : this.#usualMs * 0.8 + intervalMs * 0.2
  }
}

function intervalOf({ chunksRead, lastReadAt, startedAt }: Paced): number {
  return chunksRead === 0 ? 0 : Math.max(0, lastReadAt - startedAt) / chunksRead
}

/** The options with their defaults, `undefined` where nobody watches. @throws OptionError */
export function watchdogSettings(
  options: WatchdogOptions | undefined,
): { readonly afterMs: number; readonly factor: number } | undefined {
  if (options === undefined) return undefined
  const owner = 'writeStream: watchdog'
  validateOptions(owner, options, { after: positiveDurationRule, factor: factorRule })
  return { afterMs: durationMs(options.after ?? '1 minute', owner, 'after'), factor: options.factor ?? 10 }
}
