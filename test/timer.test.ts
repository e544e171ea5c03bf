import { asyncScheduler, type SchedulerAction, type Subscription, VirtualTimeScheduler } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { longTimer } from '../src/timer.ts'

const marbles = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected))

/** Refuses delays that a runtime's timer would take as 1 ms. */
class StrictScheduler extends VirtualTimeScheduler {
  override schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    if (delay > 2 ** 31 - 1) throw new RangeError(`a timer of ${delay} ms`)
    return super.schedule(work, delay, state)
  }
}

describe('longTimer', () => {
  it('emits once after the delay, then completes', () => {
    marbles().run(({ expectObservable }) => {
      expectObservable(longTimer(5, asyncScheduler)).toBe('5ms (a|)', { a: 0 })
    })
  })

  it.each([0, -1])('emits synchronously for %d, without a timer', (delay) => {
    const scheduler = new VirtualTimeScheduler()
    const seen: unknown[] = []
    longTimer(delay, scheduler).subscribe({ next: (value) => seen.push(value), complete: () => seen.push('complete') })
    expect(seen).toEqual([0, 'complete'])
    expect(scheduler.actions).toEqual([])
  })

  it.each([2 ** 31 - 1, 2 ** 31, 3 * 2 ** 31 + 5, 365 * 86_400_000])(
    'waits %d ms in timers the runtime can hold',
    (delay) => {
      const scheduler = new StrictScheduler()
      const seen: number[] = []
      longTimer(delay, scheduler).subscribe(() => seen.push(scheduler.now()))
      scheduler.flush()
      expect(seen).toEqual([delay])
    },
  )

  it.each([0, 1, 2 ** 31])('is cancelled by unsubscribing, %d ms before or after its first part', (at) => {
    const scheduler = new StrictScheduler()
    const seen: unknown[] = []
    const subscription = longTimer(2 ** 33, scheduler).subscribe((value) => seen.push(value))
    scheduler.maxFrames = at
    scheduler.flush()
    expect(scheduler.actions).toHaveLength(1)
    subscription.unsubscribe()
    expect(scheduler.actions).toEqual([])
    expect(seen).toEqual([])
  })

  it('starts again with each subscription', () => {
    marbles().run(({ expectObservable }) => {
      const timer = longTimer(3, asyncScheduler)
      expectObservable(timer).toBe('3ms (a|)', { a: 0 })
      expectObservable(timer, '10ms ^').toBe('13ms (a|)', { a: 0 })
    })
  })
})
