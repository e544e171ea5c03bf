import { AssertionError } from 'node:assert'
import { isObservable, type Observable } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { OptionError } from '../errors.ts'
import type { Message } from './diagram.ts'
import {
  type Mismatch,
  mismatchOfMessages,
  mismatchOfSubscriptions,
  type SubscriptionFrames,
} from './diagram-mismatch.ts'

type Values = readonly (readonly [letter: string, value: unknown])[]
/** What TestScheduler recorded or parsed: messages or subscriptions, as the kind of the expectation has it. */
type Recorded = readonly (Message & SubscriptionFrames)[]
type Compare = (expected: Recorded, received: Recorded) => Mismatch | undefined
type Cold<T> = ReturnType<typeof TestScheduler.prototype.createColdObservable<T>>
type Hot<T> = ReturnType<typeof TestScheduler.prototype.createHotObservable<T>>
type ObservableExpectation<T> = ReturnType<typeof TestScheduler.prototype.expectObservable<T>>
type SubscriptionsExpectation = ReturnType<TestScheduler['expectSubscriptions']>

interface Expectation {
  readonly kind: 'expectObservable' | 'expectSubscriptions'
  /** The stack of the call that declared it, later of the one that stated it. */
  site: string
  /** Set once `toBe` or `toEqual` was called. */
  compare?: Compare
}

/**
 * A TestScheduler that fails with diagrams. TestScheduler compares the stated expectations at each flush in the order of their declaration,
 * but doesn't say which one it compares; this keeps the same list. Misses are collected, so that one flush shows them all.
 */
export class DiagramScheduler extends TestScheduler {
  readonly #declared: Expectation[] = []
  readonly #pending: Expectation[]
  readonly #missed: (readonly [Expectation, Mismatch])[]
  /** Letters given to cold and hot Observables. */
  readonly #values: (readonly [string, unknown])[] = []

  constructor() {
    const pending: Expectation[] = []
    const missed: (readonly [Expectation, Mismatch])[] = []
    super((received: Recorded, expected: Recorded) => {
      const expectation = pending.find(({ compare }) => compare !== undefined)
      if (expectation === undefined) throw new Error('TestScheduler compared an expectation that was not declared')
      pending.splice(pending.indexOf(expectation), 1)
      const mismatch = expectation.compare?.(expected, received)
      if (mismatch !== undefined) missed.push([expectation, mismatch])
    })
    this.#pending = pending
    this.#missed = missed
  }

  override createColdObservable<T = string>(marbles: string, values?: Record<string, T>, error?: unknown): Cold<T> {
    this.#values.push(...entriesOf(values))
    return super.createColdObservable(marbles, values, error)
  }

  override createHotObservable<T = string>(marbles: string, values?: Record<string, T>, error?: unknown): Hot<T> {
    this.#values.push(...entriesOf(values))
    return super.createHotObservable(marbles, values, error)
  }

  override expectObservable<T>(
    observable: Observable<T>,
    subscriptionMarbles: string | null = null,
  ): ObservableExpectation<T> {
    const { toBe, toEqual } = super.expectObservable(observable, subscriptionMarbles)
    const expectation = this.#declare('expectObservable', callSite())
    const compareWith =
      (own: Values): Compare =>
      (expected, received) =>
        mismatchOfMessages(expected, received, own, this.#values)
    return {
      toBe: (marbles, values, errorValue) => {
        toBe(marbles, values, errorValue)
        state(expectation, callSite(), compareWith([...entriesOf(values), ...lettersWithout(values, marbles)]))
      },
      toEqual: (other) => {
        toEqual(other)
        state(expectation, callSite(), compareWith([]))
      },
    }
  }

  override expectSubscriptions(...logs: Parameters<TestScheduler['expectSubscriptions']>): SubscriptionsExpectation {
    const { toBe } = super.expectSubscriptions(...logs)
    const expectation = this.#declare('expectSubscriptions', callSite())
    return {
      toBe: (marbles) => {
        toBe(marbles)
        state(expectation, callSite(), mismatchOfSubscriptions)
      },
    }
  }

  /** @throws AssertionError when expectations were missed, at the first one's `toBe`. */
  override flush(): void {
    super.flush()
    const missed = this.#missed.splice(0)
    const [first] = missed
    if (first === undefined) return
    const [expectation, mismatch] = first
    const error = new AssertionError({
      message: missed
        .map(([of, { summary, body }]) => `${this.#titleOf(of)} differs at ${summary}\n\n${body}\n`)
        .join('\n'),
      expected: missed.map(([, { expected }]) => expected).join('\n\n'),
      actual: missed.map(([, { received }]) => received).join('\n\n'),
      operator: 'marbles',
    })
    if ('cause' in mismatch) error.cause = mismatch.cause
    throw thrownAt(expectation.site, error)
  }

  /** An expectation without `toBe` would pass whatever happens. */
  refuseUnstated(): void {
    const [unstated] = this.#pending
    if (unstated === undefined) return
    const message = `${this.#titleOf(unstated)} has no toBe or toEqual, so it would pass whatever it receives`
    throw thrownAt(unstated.site, new OptionError(message))
  }

  #declare(kind: Expectation['kind'], site: string): Expectation {
    const expectation: Expectation = { kind, site }
    this.#declared.push(expectation)
    this.#pending.push(expectation)
    return expectation
  }

  #titleOf(expectation: Expectation): string {
    const count = this.#declared.length
    return count === 1
      ? expectation.kind
      : `expectation ${this.#declared.indexOf(expectation) + 1} of ${count} (${expectation.kind})`
  }
}

function state(expectation: Expectation, site: string, compare: Compare): void {
  expectation.site = site
  expectation.compare = compare
}

/** Of an inner cold Observable the messages count: they are what TestScheduler compares. */
function entriesOf(values: unknown): Values {
  if (typeof values !== 'object' || values === null) return []
  return Object.entries(values).map(([letter, value]: [string, unknown]) => [
    letter,
    isObservable(value) && 'messages' in value ? value.messages : value,
  ])
}

/** The letters of a diagram that its values leave out: they stand for `undefined`. */
function lettersWithout(values: unknown, marbles: string): Values {
  if (typeof values !== 'object' || values === null) return []
  const letters = TestScheduler.parseMarbles(marbles, undefined, undefined, undefined, true)
  return letters.flatMap(({ notification }) =>
    notification.kind === 'N' && !(notification.value in values) ? [[notification.value, undefined]] : [],
  )
}

/** The frames of the stack above the function that asks. */
function callSite(): string {
  const [, , , ...frames] = new Error().stack?.split('\n') ?? []
  return frames.join('\n')
}

function thrownAt(site: string, error: Error): Error {
  error.stack = `${error.name}: ${error.message}\n${site}`
  return error
}
