import { asyncScheduler } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { OptionError } from '../errors.ts'

/**
 * Something that changes at the frames of a diagram, to be asked for as it is now: the head of a source that grows, a sink that is down for a while.
 *
 * ```ts
 * const head = timeline('a----b--#---c', { a: 10, b: 25, c: 30 })
 * head() // 10 up to frame 4, 25 up to frame 7, then it throws up to frame 11, then 30
 * ```
 *
 * A change counts from its frame on, for whoever asks in the same frame too, so it doesn't matter what runs first there.
 * @param values letter → value. @default each letter stands for itself
 * @param error what `#` throws. @default 'error', as everywhere in marble diagrams
 * @throws OptionError outside a marble test, for a diagram that says nothing about frame 0, completes, or has a letter without a value.
 */
export function timeline<T = string>(
  marbles: string,
  values?: Readonly<Record<string, T>>,
  error: unknown = 'error',
): () => T {
  requireMarbleTest('timeline')
  const refuse = (why: string): never => {
    throw new OptionError(`timeline ${JSON.stringify(marbles)}: ${why}`)
  }
  const changes = TestScheduler.parseMarbles(marbles, undefined, undefined, undefined, true)
  if (changes[0]?.frame !== 0) refuse('it must begin at frame 0')
  const states = changes.map(({ frame, notification }) => {
    if (notification.kind === 'C') refuse('it must not complete, as its last value stays')
    if (notification.kind !== 'N') return { frame, fails: true } as const
    const letter = notification.value as string
    if (values !== undefined && !Object.hasOwn(values, letter)) refuse(`the letter ${letter} has no value`)
    return { frame, value: (values === undefined ? letter : values[letter]) as T }
  })
  return () => {
    const now = asyncScheduler.now()
    const state = states.findLast(({ frame }) => frame <= now)
    if (state === undefined || 'fails' in state) throw error
    return state.value
  }
}

/** In a marble test one character is one frame, and the clock of RxJS is virtual. */
export function requireMarbleTest(owner: string): void {
  if (TestScheduler.frameTimeFactor === 1) return
  throw new OptionError(`${owner}: it needs virtual time; call it within a test that is wrapped in marbles(…)`)
}
