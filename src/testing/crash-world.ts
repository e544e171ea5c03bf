import { concatMap, defer, NEVER, Observable, of, Subject, take, throwError } from 'rxjs'
import { fromCommand, fromResult, type Result } from '../result.ts'
import type { ScheduledFault } from './schedule.ts'

/** What one run of a schedule did, in order. */
export interface TraceLine {
  readonly process: number
  /** `undefined` where nothing new is done, only told. */
  readonly effect: number | undefined
  readonly text: string
  readonly fault: ScheduledFault['kind'] | undefined
}

/** The error of a call that was made to fail. */
export class InjectedError extends Error {
  override readonly name = 'InjectedError'
}

const marks: Readonly<Record<ScheduledFault['kind'], string>> = {
  crash: '✗ the process dies here',
  fail: '✗ has no effect, and fails',
  landed: '✗ takes effect, and fails all the same',
  hang: '✗ hangs',
  slow: '✗ takes its time',
  pause: '✗ the process stands still here',
  wake: '✗ whoever stands still goes on here',
}

/**
 * The outside of a pipeline, which outlives its processes. Whatever a process does to it is an *effect*, counted from 1 over all processes;
 * a schedule says what befalls which of them.
 */
export class CrashWorld {
  readonly #faults: Map<number, ScheduledFault['kind']>
  readonly trace: TraceLine[] = []
  readonly #still = new Set<Process>()
  #effects = 0
  #processes = 0

  constructor(faults: readonly ScheduledFault[]) {
    this.#faults = new Map(faults.map(({ at, kind }) => [at, kind]))
  }

  get effects(): number {
    return this.#effects
  }

  start(): Process {
    return new Process(this, this.#processes++)
  }

  /** Notes an effect. @returns what befalls it after it was done. */
  note(process: number, text: string): ScheduledFault['kind'] | undefined {
    this.#effects++
    const fault = this.#faults.get(this.#effects)
    this.trace.push({ process, effect: this.#effects, text, fault })
    return fault
  }

  /** What befalls the next effect instead of it, or before it: that is noted here. */
  before(process: number, text: string): 'fail' | 'hang' | 'slow' | undefined {
    const fault = this.#faults.get(this.#effects + 1)
    if (fault !== 'fail' && fault !== 'hang' && fault !== 'slow') return undefined
    this.note(process, text)
    return fault
  }

  tell(process: number, text: string): void {
    this.trace.push({ process, effect: undefined, text, fault: undefined })
  }

  standStill(process: Process): void {
    this.#still.add(process)
  }

  /** Lets the processes that stand still go on. */
  wake(): void {
    const still = [...this.#still]
    this.#still.clear()
    for (const process of still) process.goOn()
  }

  /** The trace as text, a line an effect. */
  story(): string {
    const lines = this.trace.map(({ process, effect, text, fault }) => {
      const mark = fault === undefined ? '' : `   ${marks[fault]}`
      return `  ${String(effect ?? '').padStart(3)}  process ${process}  ${text}${mark}`
    })
    return lines.join('\n')
  }
}

/** One life of the pipeline. Dead processes do nothing: their calls neither take effect nor come back. */
export class Process {
  readonly world: CrashWorld
  readonly number: number
  #dead = false
  #still = false
  #faults = 0
  #underWay = 0
  #onDeath: (() => void)[] = []
  #onGoingOn: (() => void)[] = []
  readonly #goesOn = new Subject<void>()
  readonly #held: { readonly kind: 'hang' | 'slow'; readonly text: string; readonly release: () => void }[] = []

  constructor(world: CrashWorld, number: number) {
    this.world = world
    this.number = number
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Stands still until {@link CrashWorld.wake}. */
  get still(): boolean {
    return this.#still
  }

  /** How many faults befell it. */
  get faults(): number {
    return this.#faults
  }

  /** Promises of effects that haven't settled. They are waited for before a further process starts: there is no way to stop them. */
  get underWay(): number {
    return this.#underWay
  }

  /** A call that doesn't answer before it is told to. */
  get held(): 'hang' | 'slow' | undefined {
    return this.#held[0]?.kind
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback)
  }

  /** Called after it went on. */
  onGoingOn(callback: () => void): void {
    this.#onGoingOn.push(callback)
  }

  /** Applies an effect; when the process dies of it, the effect stands and the answer never comes. It counts once it is done. */
  effect<T>(text: string, apply: () => Result<T>): Observable<T> {
    return defer(() => {
      if (this.#dead) return NEVER
      const fault = this.world.before(this.number, text)
      if (fault !== undefined) this.#faults++
      if (fault === 'fail') return this.#failure(text)
      if (fault !== undefined) return this.#hold(fault, text, apply)
      return this.#apply(text, apply).pipe(
        concatMap((value) => {
          if (this.#dead) return NEVER // of another effect, while this one was under way
          return this.#answer(text, value)
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

  /** Lets the first call that is held take effect and answer. */
  release(): void {
    const held = this.#held.shift()
    if (held === undefined || this.#dead) return
    this.world.tell(this.number, `${held.text}: takes effect now`)
    held.release()
  }

  goOn(): void {
    if (!this.#still) return
    this.#still = false
    if (this.#dead) return
    this.world.tell(this.number, 'goes on')
    this.#goesOn.next()
    for (const callback of this.#onGoingOn) callback()
  }

  die(): void {
    if (this.#dead) return
    this.#dead = true
    for (const callback of this.#onDeath.splice(0)) callback()
  }

  #answer<T>(text: string, value: T): Observable<T> {
    const fault = this.world.note(this.number, text)
    if (fault === undefined) return of(value)
    if (fault === 'wake') {
      this.world.wake()
      return this.#dead ? NEVER : of(value)
    }
    this.#faults++
    if (fault === 'landed') return this.#failure(text)
    if (fault === 'pause') {
      this.#still = true
      this.world.standStill(this)
      return this.#goesOn.pipe(
        take(1),
        concatMap(() => (this.#dead ? NEVER : of(value))),
      )
    }
    this.die()
    return NEVER
  }

  #failure(text: string): Observable<never> {
    return throwError(() => new InjectedError(`injected: ${text}`))
  }

  /** Takes effect when it is released, whether anybody still listens or not. */
  #hold<T>(kind: 'hang' | 'slow', text: string, apply: () => Result<T>): Observable<T> {
    return new Observable<T>((subscriber) => {
      const observer = {
        next: (value: T) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }
      this.#held.push({ kind, text, release: () => void this.#apply(text, apply).subscribe(observer) })
    })
  }

  #apply<T>(text: string, apply: () => Result<T>): Observable<T> {
    return fromResult(text, () => this.#watched(apply()))
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
