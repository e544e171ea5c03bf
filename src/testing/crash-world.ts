import { concatMap, defer, NEVER, Observable, of } from 'rxjs'
import { fromCommand, fromResult, type Result } from '../result.ts'

/** What one run of a schedule did, in order. */
export interface TraceLine {
  readonly process: number
  readonly effect: number
  readonly text: string
}

/**
 * The outside of a pipeline, which outlives its processes. Whatever a process does to it is an *effect*, counted from 1 over all processes;
 * a schedule says after which of them the process dies.
 */
export class CrashWorld {
  readonly #crashes: readonly number[]
  readonly trace: TraceLine[] = []
  #effects = 0
  #processes = 0

  /** @param crashes counts of effects, ascending. */
  constructor(crashes: readonly number[]) {
    this.#crashes = crashes
  }

  get effects(): number {
    return this.#effects
  }

  /** Crashes that haven't come yet. */
  get crashesLeft(): number {
    return this.#crashes.filter((at) => at > this.#effects).length
  }

  start(): Process {
    return new Process(this, this.#processes++)
  }

  /** Notes an effect. @returns whether the process dies of it. */
  note(process: number, text: string): boolean {
    this.#effects++
    this.trace.push({ process, effect: this.#effects, text })
    return this.#crashes.includes(this.#effects)
  }

  /** The trace as text, a line an effect. */
  story(): string {
    const lines = this.trace.map(({ process, effect, text }) => {
      const died = this.#crashes.includes(effect) ? '   ✗ the process dies here' : ''
      return `  ${String(effect).padStart(3)}  process ${process}  ${text}${died}`
    })
    return lines.join('\n')
  }
}

/** One life of the pipeline. Dead processes do nothing: their calls neither take effect nor come back. */
export class Process {
  readonly world: CrashWorld
  readonly number: number
  #dead = false
  #underWay = 0
  #onDeath: (() => void)[] = []

  constructor(world: CrashWorld, number: number) {
    this.world = world
    this.number = number
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Promises of effects that haven't settled. They are waited for before a further process starts: there is no way to stop them. */
  get underWay(): number {
    return this.#underWay
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback)
  }

  /** Applies an effect; when the process dies of it, the effect stands and the answer never comes. It counts once it is done. */
  effect<T>(text: string, apply: () => Result<T>): Observable<T> {
    return defer(() => {
      if (this.#dead) return NEVER
      return fromResult(text, () => this.#watched(apply())).pipe(
        concatMap((value) => {
          if (this.#dead) return NEVER // of another effect, while this one was under way
          if (!this.world.note(this.number, text)) return of(value)
          this.die()
          return NEVER
        }),
      )
    })
  }

  /** An effect of which only the completion counts. */
  command(text: string, apply: () => Result<unknown>): Observable<undefined> {
    return this.effect(text, () => fromCommand(() => this.#watched(apply())))
  }

  /** A question that changes nothing: not an effect, but a dead process gets no answer. */
  ask<T>(answer: () => T): Observable<T> {
    return new Observable<T>((subscriber) => (this.#dead ? NEVER : of(answer())).subscribe(subscriber))
  }

  die(): void {
    if (this.#dead) return
    this.#dead = true
    for (const callback of this.#onDeath.splice(0)) callback()
  }

  #watched<T>(result: Result<T>): Result<T> {
    if (!isPromiseLike(result)) return result
    this.#underWay++
    return Promise.resolve(result).finally(() => {
      this.#underWay--
    })
  }
}

function isPromiseLike<T>(result: Result<T>): result is PromiseLike<T> {
  return typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
}
