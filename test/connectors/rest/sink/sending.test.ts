import { setImmediate as turn } from 'node:timers/promises'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { Circuit } from '../../../../src/circuit.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { HttpClient } from '../../../../src/connectors/rest/http/types.ts'
import { isOutage, sendingBy, sendingThrough } from '../../../../src/connectors/rest/sink/sending.ts'
import { defaultRetryPolicy } from '../../../../src/retry.ts'

const request = { url: 'http://127.0.0.1/rows', method: 'POST' }
const errorOf = (status: number | undefined, over: { readonly retryAfter?: number } = {}) =>
  new HttpError(`answered ${status}`, { ...request, status, retryable: status === undefined || status >= 429, ...over })

/** A client that does what the list says, one entry a call, then answers `'done'`. Time is virtual. */
function scene(outcomes: readonly (HttpError | 'hangs')[], failures = 2) {
  const scheduler = new VirtualTimeScheduler()
  const at: number[] = []
  const aborted: number[] = []
  /** At each call, how many were under way. */
  const underWayAt: number[] = []
  let underWay = 0
  const send: HttpClient['send'] = async (_, __, { signal } = {}) => {
    const call = at.push(scheduler.now()) - 1
    underWayAt.push(++underWay)
    await turn()
    underWay--
    const outcome = outcomes[call]
    if (outcome === 'hangs')
      await new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          aborted.push(call)
          reject(signal.reason)
        })
      })
    if (outcome instanceof HttpError) throw outcome
    return 'done' as never
  }
  const retry = { ...defaultRetryPolicy, initialDelayMs: 100, random: () => 1 }
  const isFailure = (error: unknown) => isOutage(error, retry.retryable)
  const circuit = new Circuit('test', { failures, openFor: 1_000, whenOpen: 'wait', isFailure, scheduler })
  const sending = sendingThrough(circuit, { send, close: async () => undefined }, { retry, scheduler })
  const call = (signal = new AbortController().signal) => sending(request, async () => 'done', signal)
  /** Lets time pass until all have settled. */
  const settled = async <T>(...calls: readonly Promise<T>[]) => {
    const all = Promise.allSettled(calls)
    let done = false
    all.then(() => {
      done = true
    })
    for (let steps = 0; !done && steps < 1_000; steps++) {
      await turn()
      scheduler.flush()
    }
    return all
  }
  return { scheduler, circuit, call, settled, at, aborted, underWayAt }
}

describe('sendingThrough', () => {
  it('repeats after the delays of the policy while the circuit is closed, and after its pause once it is open', async () => {
    const { call, settled, at } = scene(new Array(5).fill(errorOf(503)), 3)
    expect(await settled(call())).toEqual([{ status: 'fulfilled', value: 'done' }])
    expect(at).toEqual([0, 100, 300, 1_300, 2_300, 3_300])
  })

  it('goes on beyond the attempts of the policy', async () => {
    const { call, settled, at, circuit } = scene(new Array(50).fill(errorOf(undefined)))
    expect(await settled(call())).toEqual([{ status: 'fulfilled', value: 'done' }])
    expect(at).toHaveLength(51)
    expect(circuit.state).toBe('closed')
    expect(at.at(-1)).toBe(100 + 49 * 1_000)
  })

  it('makes one call at a time while the circuit is open, whoever waits', async () => {
    const { call, settled, at, circuit, underWayAt } = scene(new Array(6).fill(errorOf(500)))
    await settled(call(), call(), call())
    // Three go out before anything is known, then one a pause; the seventh is answered well, and the other two follow.
    expect(at).toEqual([0, 0, 0, 1_000, 2_000, 3_000, 4_000, 4_000, 4_000])
    expect(underWayAt).toEqual([1, 2, 3, 1, 1, 1, 1, 1, 2])
    expect(circuit.state).toBe('closed')
  })

  it('waits longer where the receiver says so', async () => {
    const { call, settled, at } = scene([errorOf(503), errorOf(503, { retryAfter: 5_000 })])
    await settled(call())
    expect(at).toEqual([0, 100, 5_100])
  })

  it('takes a 429 for a receiver that is well: it is repeated, and opens nothing', async () => {
    const { call, settled, at, circuit } = scene(new Array(4).fill(errorOf(429, { retryAfter: 10 })), 1)
    await settled(call())
    expect(at).toEqual([0, 10, 20, 30, 40])
    expect(circuit.state).toBe('closed')
  })

  it('fails at once with what a repeat does not help', async () => {
    const refused = errorOf(422)
    const { call, settled, at } = scene([refused, errorOf(503)])
    expect(await settled(call())).toEqual([{ status: 'rejected', reason: refused }])
    expect(at).toEqual([0])
  })

  it('ends with its signal, whatever it is at', async () => {
    const reason = new Error('the query stops')
    for (const outcomes of [['hangs'], [errorOf(503)], new Array(5).fill(errorOf(503))] as const) {
      const { call, at, aborted, scheduler } = scene(outcomes)
      const controller = new AbortController()
      const sent = call(controller.signal)
      sent.catch(() => undefined)
      for (let steps = 0; steps < 5; steps++) {
        await turn()
        if (outcomes.length === 5) scheduler.flush() // up to the pause of the circuit
        if (at.length === 2) break
      }
      await turn()
      await turn()
      const before = at.length
      controller.abort(reason)
      await expect(sent).rejects.toBe(reason)
      expect(aborted).toEqual(outcomes[0] === 'hangs' ? [0] : [])
      scheduler.flush()
      await turn()
      expect(at).toHaveLength(before)
      expect(scheduler.actions).toHaveLength(0)
    }
    const { call, at } = scene([])
    await expect(call(AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(at).toEqual([])
  })
})

describe('isOutage', () => {
  it.each([
    [errorOf(503), true],
    [errorOf(undefined), true],
    [new Error('of somebody else'), true],
    [errorOf(429), false],
    [errorOf(400), false],
  ])('of %s: %s', (error, expected) => {
    expect(isOutage(error, defaultRetryPolicy.retryable)).toBe(expected)
  })
})

it('sendingBy gives the client the signal, and fails with its error', async () => {
  const signal = new AbortController().signal
  const seen: unknown[] = []
  const client: HttpClient = {
    send: async (...given) => {
      seen.push(...given)
      throw 'down'
    },
    close: async () => undefined,
  }
  const take = async () => 1
  await expect(sendingBy(client)(request, take, signal)).rejects.toBe('down')
  expect(seen).toEqual([request, take, { signal }])
})
