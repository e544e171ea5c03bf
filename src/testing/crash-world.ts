import { NEVER, Observable, of } from 'rxjs'

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
  #onDeath: (() => void)[] = []

  constructor(world: CrashWorld, number: number) {
    this.world = world
    this.number = number
  }

  get dead(): boolean {
    return this.#dead
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback)
  }

  /** Applies an effect; when the process dies of it, the effect stands and the answer never comes. */
  effect<T>(text: string, apply: () => T): Observable<T> {
    return new Observable<T>((subscriber) => {
      if (this.#dead) return NEVER.subscribe(subscriber)
      const value = apply()
      if (this.world.note(this.number, text)) {
        this.die()
        return NEVER.subscribe(subscriber)
      }
      return of(value).subscribe(subscriber)
    })
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
}
