import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tracker } from '../src/tracker.ts'

function listen(tracker: Tracker) {
  const heard: string[] = []
  const subscription = tracker.idle.subscribe({ complete: () => heard.push('idle') })
  return { heard, subscription }
}

describe('Tracker', () => {
  it('is idle at once while no work is open', () => {
    expect(listen(new Tracker()).heard).toEqual(['idle'])
  })

  it('is idle when the last piece of work has ended', () => {
    const tracker = new Tracker()
    const ends = [tracker.begin(), tracker.begin()]
    const { heard } = listen(tracker)
    ends[1]?.()
    expect(heard).toEqual([])
    ends[0]?.()
    expect(heard).toEqual(['idle'])
  })

  it('counts a piece of work once, however often its end is told', () => {
    const tracker = new Tracker()
    const end = tracker.begin()
    const other = tracker.begin()
    end()
    end()
    const { heard } = listen(tracker)
    expect(heard).toEqual([])
    other()
    other()
    expect(heard).toEqual(['idle'])
    tracker.begin()
    expect(listen(tracker).heard).toEqual([])
  })

  it('tells every listener once', () => {
    const tracker = new Tracker()
    const end = tracker.begin()
    const listeners = [listen(tracker), listen(tracker)]
    end()
    tracker.begin()()
    expect(listeners.map(({ heard }) => heard)).toEqual([['idle'], ['idle']])
  })

  it('goes on waiting when a listener before has begun new work', () => {
    const tracker = new Tracker()
    const end = tracker.begin()
    let endNew: (() => void) | undefined
    tracker.idle.subscribe({
      complete: () => {
        endNew = tracker.begin()
      },
    })
    const { heard } = listen(tracker)
    end()
    expect(heard).toEqual([])
    endNew?.()
    expect(heard).toEqual(['idle'])
  })

  it('tells nothing to a listener that has left', () => {
    const tracker = new Tracker()
    const end = tracker.begin()
    const { heard, subscription } = listen(tracker)
    subscription.unsubscribe()
    end()
    expect(heard).toEqual([])
  })

  it('is idle exactly when as many pieces have ended as have begun', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (moves) => {
        const tracker = new Tracker()
        const open: (() => void)[] = []
        for (const move of moves) {
          if (move % 2 === 0) open.push(tracker.begin())
          else open.splice(move % Math.max(1, open.length), 1)[0]?.()
          expect(listen(tracker).heard).toEqual(open.length === 0 ? ['idle'] : [])
        }
      }),
    )
  })
})
