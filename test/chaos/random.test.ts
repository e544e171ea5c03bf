import { expect, test } from 'vitest'
import type { FaultyProxy } from '../../src/testing/faulty-proxy.ts'
import { drawFault } from './faults.ts'
import { waves } from './pairs.ts'
import { randomOfPair } from './random.ts'

const pair = { proxies: [{} as FaultyProxy], disk: { path: '', close: () => undefined, fill: async () => undefined } }
const drawn = (seed: number, index: number) => {
  const random = randomOfPair(seed, index)
  return Array.from({ length: 40 }, () => drawFault(pair, random))
}

test('the faults of a pair are the same for the same seed, and others for another pair or seed', () => {
  expect(drawn(42, 3)).toEqual(drawn(42, 3))
  const all = [1, 2, 42].flatMap((seed) => waves.flat().map(({ index }) => JSON.stringify(drawn(seed, index))))
  expect(new Set(all).size).toBe(all.length)
})

test('every kind of fault is drawn, for half a second to two', () => {
  const faults = waves.flat().flatMap(({ index }) => drawn(1, index))
  expect(new Set(faults.map(({ fault }) => fault))).toEqual(
    new Set(['kill', 'stop', 'second process', 'cut', 'stall', 'swallow', 'half-open', 'disk full']),
  )
  for (const { forMs } of faults) expect(forMs >= 500 && forMs <= 2_000).toBe(true)
})
