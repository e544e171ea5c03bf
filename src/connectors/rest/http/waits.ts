import type { Waiting } from '../../../activity.ts'
import type { PartitionContext } from '../../../batch.ts'
import { HttpError } from './http-error.ts'

/**
 * What the requests of one attempt at a partition wait for on purpose. It is told when all that are under way wait: as long as one gets on, the partition does.
 *
 * Requests find it by their signal, which goes wherever they go.
 */
export class Waits {
  readonly #report: PartitionContext['report']
  readonly #waiting: Waiting[] = []
  #underWay = 0
  #told: Waiting | 'nothing' = 'nothing'

  constructor(report: PartitionContext['report']) {
    this.#report = report
  }

  /** Work that gets on, but where it says that it waits. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await work()
    } finally {
      this.#underWay--
      this.#tell()
    }
  }

  /** A part of that work in which it waits. @returns to be called at its end; again does nothing. */
  begin(what: Waiting): () => void {
    this.#waiting.push(what)
    this.#tell()
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#waiting.splice(this.#waiting.indexOf(what), 1)
      this.#tell()
    }
  }

  #tell(): void {
    const all = this.#underWay > 0 && this.#waiting.length >= this.#underWay
    const now = (all ? this.#waiting[0] : undefined) ?? 'nothing'
    if (now === this.#told) return
    this.#told = now
    this.#report({ bytes: 0, waiting: now })
  }
}

const bySignal = new WeakMap<AbortSignal, Waits>()

/** From now on requests with this signal tell what they wait for. */
export function tellWaits(signal: AbortSignal, waits: Waits): void {
  bySignal.set(signal, waits)
}

/** A signal made of another one stands for the same partition. */
export function handOnWaits(from: AbortSignal | undefined, to: AbortSignal): void {
  const waits = waitsOf(from)
  if (waits !== undefined) bySignal.set(to, waits)
}

export function waitsOf(signal: AbortSignal | undefined): Waits | undefined {
  return signal && bySignal.get(signal)
}

/** What the time until the next attempt is spent on: a server that says "slow down" sets a quota. */
export function waitAfter(error: unknown): Waiting {
  return error instanceof HttpError && error.status === 429 ? 'quota' : 'backoff'
}
