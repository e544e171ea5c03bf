import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ActivityClock, activities } from '../src/activity.ts'

function clockAt(start = 1_000) {
  let now = start
  const clock = new ActivityClock(() => now)
  const pass = (ms: number): void => {
    now += ms
  }
  return { clock, pass, sum: () => Object.values(clock.times).reduce((a, b) => a + b, 0) }
}

describe('ActivityClock', () => {
  it('gives each moment to one activity: the writer first, then who holds back, then the reader', () => {
    const { clock, pass } = clockAt()
    pass(1) // nothing is asked for yet
    clock.reading(true)
    pass(2)
    clock.waits('reader', 'quota')
    pass(4)
    clock.waits('reader', undefined)
    clock.calling('write')
    pass(8)
    clock.reading(false)
    clock.full(true)
    pass(16)
    clock.waits('writer', 'breaker')
    pass(32)
    clock.waits('writer', undefined)
    clock.calling('finish')
    clock.full(false)
    pass(64)
    clock.calling(undefined)
    clock.waits('operator', 'backoff')
    pass(128)
    expect(clock.times).toEqual({
      transform: 1,
      fetch: 2,
      quota: 4,
      write: 8 + 64,
      backpressured: 16,
      breaker: 32,
      backoff: 128,
    })
    expect([clock.readMs, clock.writeMs, clock.finishMs]).toEqual([2 + 4 + 8, 8 + 16 + 32, 64])
  })

  it('accounts for all of the time, whatever happens in whatever order', () => {
    const change = fc.oneof(
      fc.record({ name: fc.constantFrom('reading', 'full'), on: fc.boolean() }),
      fc.record({ name: fc.constant('calling'), what: fc.constantFrom('write', 'finish', undefined) }),
      fc.record({
        name: fc.constant('waits'),
        who: fc.constantFrom('reader', 'operator', 'writer'),
        what: fc.constantFrom('quota', 'breaker', 'backoff', undefined),
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.nat(1000))), (steps) => {
        const { clock, pass, sum } = clockAt()
        let total = 0
        for (const [step, ms] of steps) {
          if ('who' in step) clock.waits(step.who as 'reader', step.what as 'quota' | undefined)
          else if ('what' in step) clock.calling(step.what as 'write' | undefined)
          else if ('on' in step) clock[step.name as 'reading' | 'full'](step.on)
          pass(ms)
          total += ms
        }
        expect(sum()).toBe(total)
        expect(activities).toContain(clock.activity)
      }),
    )
  })

  it('takes nothing back when the clock is set back', () => {
    const { clock, pass, sum } = clockAt()
    pass(50)
    clock.reading(true)
    pass(-30)
    clock.reading(false)
    pass(5)
    expect(sum()).toBe(55)
  })

  it('stands still once it was stopped', () => {
    const { clock, pass, sum } = clockAt()
    pass(3)
    clock.stop()
    pass(100)
    clock.calling('write')
    pass(100)
    expect(sum()).toBe(3)
  })
})
