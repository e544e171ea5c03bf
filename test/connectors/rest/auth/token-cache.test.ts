import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, it } from 'vitest'
import { type IssuedToken, TokenCache } from '../../../../src/connectors/rest/auth/token-cache.ts'
import { PortError } from '../../../../src/errors.ts'
import { Clock } from './clock.ts'
import { failure } from './failure.ts'

let clock: Clock
let issued: number
/** Settled by the tests, or at once where it is `undefined`. */
let gate: Promise<unknown> | undefined
let fails: Error | undefined
let lifetimeMs: number

beforeEach(() => {
  clock = new Clock()
  issued = 0
  gate = undefined
  fails = undefined
  lifetimeMs = 600_000
})

async function issue(): Promise<IssuedToken> {
  const value = `token-${++issued}`
  await gate
  if (fails !== undefined) throw fails
  return { value, lifetimeMs }
}
const cacheOf = (renewBeforeMs: (lifetimeMs: number) => number = () => 60_000, mayBeLeft = false) =>
  new TokenCache({ issue, renewBeforeMs, mayBeLeft, scheduler: clock })
const get = (cache: TokenCache, signal?: AbortSignal) => cache.get(signal)

describe('a token', () => {
  it('is kept until shortly before its end', async () => {
    const cache = cacheOf()
    expect(await get(cache)).toBe('token-1')
    clock.ms += 539_999
    expect(await get(cache)).toBe('token-1')
    clock.ms += 1
    expect(await get(cache)).toBe('token-2')
    expect(issued).toBe(2)
  })

  it('is used for half its lifetime at least', async () => {
    lifetimeMs = 20_000
    const cache = cacheOf()
    await get(cache)
    clock.ms += 9_999
    expect(await get(cache)).toBe('token-1')
    clock.ms += 1
    expect(await get(cache)).toBe('token-2')
  })

  it('ages from when it was asked for, not from when it came', async () => {
    const cache = cacheOf()
    let open = () => {}
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const first = get(cache)
    clock.ms += 540_000
    open()
    expect(await first).toBe('token-1')
    expect(await get(cache)).toBe('token-2')
  })

  it('without a lifetime is renewed each time', async () => {
    lifetimeMs = 0
    const cache = cacheOf()
    expect([await get(cache), await get(cache)]).toEqual(['token-1', 'token-2'])
  })

  it('is renewed when the clock was set back, and nobody knows how old it is', async () => {
    const cache = cacheOf()
    await get(cache)
    clock.ms -= 1
    expect(await get(cache)).toBe('token-2')
  })
})

describe('one renewal', () => {
  it('serves all who ask meanwhile', async () => {
    const cache = cacheOf()
    const tokens = await Promise.all(Array.from({ length: 20 }, () => get(cache)))
    expect(new Set(tokens)).toEqual(new Set(['token-1']))
    expect(issued).toBe(1)
  })

  it('fails for all who ask meanwhile, and is begun anew by the next', async () => {
    const cache = cacheOf()
    fails = new Error('down')
    const results = await Promise.allSettled([get(cache), get(cache)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(issued).toBe(1)
    fails = undefined
    expect(await get(cache)).toBe('token-2')
  })

  it('goes on for the others when one leaves', async () => {
    const cache = cacheOf()
    let open = () => {}
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const leaving = new AbortController()
    const left = get(cache, leaving.signal)
    const staying = get(cache, new AbortController().signal)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    open()
    expect(await staying).toBe('token-1')
    expect(issued).toBe(1)
  })

  it('goes on when everybody has left, whether it succeeds or fails', async () => {
    const cache = cacheOf()
    const leaving = new AbortController()
    let open = () => {}
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const left = get(cache, leaving.signal)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    open()
    gate = undefined
    expect(await get(cache)).toBe('token-1')

    clock.ms += 600_000
    fails = new Error('down')
    const again = new AbortController()
    const leftAgain = get(cache, again.signal)
    again.abort(new Error('left'))
    await expect(leftAgain).rejects.toThrow('left')
    fails = undefined
  })

  it('ends when everybody has left, where nothing is lost with it; the next who asks begins anew', async () => {
    const signals: AbortSignal[] = []
    const cache = new TokenCache({
      issue: (signal) => {
        signals.push(signal)
        return signals.length === 1 ? new Promise(() => {}) : issue()
      },
      renewBeforeMs: () => 0,
      mayBeLeft: true,
      scheduler: clock,
    })
    const leaving = [new AbortController(), new AbortController()]
    const left = leaving.map((each) => get(cache, each.signal))
    leaving[0]?.abort(new Error('left'))
    await expect(left[0]).rejects.toThrow('left')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    leaving[1]?.abort(new Error('left'))
    await expect(left[1]).rejects.toThrow('left')
    expect(signals[0]?.aborted).toBe(true)
    expect(await get(cache)).toBe('token-1')
  })

  it('leaves nothing on a signal', async () => {
    const { signal } = new AbortController()
    const cache = cacheOf()
    const waiting = get(cache, signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await waiting
    await new Promise(setImmediate)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('isn’t begun by one who has left before', async () => {
    const cache = cacheOf()
    await expect(get(cache, AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
    expect(issued).toBe(0)
  })
})

describe('a refused token', () => {
  it('is renewed once, however many were refused with it', async () => {
    const cache = cacheOf()
    const token = await get(cache)
    cache.refuse(token)
    const first = get(cache)
    cache.refuse(token)
    expect(await Promise.all([first, get(cache)])).toEqual(['token-2', 'token-2'])
    cache.refuse(token)
    expect(await get(cache)).toBe('token-2')
    expect(issued).toBe(2)
  })
})

describe('when an early renewal fails', () => {
  it('the token goes on to be used while it is good, and half of what is left passes before the next', async () => {
    const cache = cacheOf()
    await get(cache)
    fails = new Error('down')
    for (const [wait, expected] of [
      [540_000, 2],
      [29_999, 2],
      [1, 3],
      [14_999, 3],
      [1, 4],
    ] as const) {
      clock.ms += wait
      expect(await get(cache)).toBe('token-1')
      expect(issued).toBe(expected)
    }
    clock.ms += 15_000
    await expect(get(cache)).rejects.toThrow('down')
  })

  it('and it was refused meanwhile, the failure is shown', async () => {
    const cache = cacheOf()
    const token = await get(cache)
    clock.ms += 540_000
    fails = new Error('down')
    let open = () => {}
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const waiting = get(cache)
    cache.refuse(token)
    open()
    await expect(waiting).rejects.toThrow('down')
  })

  it('and the clock was set back, the failure is shown: nobody knows how old the token is', async () => {
    const cache = cacheOf()
    await get(cache)
    clock.ms -= 1
    fails = new Error('down')
    await expect(get(cache)).rejects.toThrow('down')
  })

  it('for good, the failure is shown at once', async () => {
    const cache = cacheOf()
    await get(cache)
    clock.ms += 540_000
    fails = new PortError('this client is locked')
    expect(await failure(() => get(cache))).toBe(fails)
  })
})
