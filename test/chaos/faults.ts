import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultyProxy, ProxyMode } from '../../src/testing/faulty-proxy.ts'
import type { Child } from './child.ts'
import type { Random } from './random.ts'
import type { Servers } from './servers.ts'
import type { SmallDisk } from './small-disk.ts'

/** What befalls one pair. */
export const pairFaults = [
  'kill',
  'stop',
  'second process',
  'cut',
  'stall',
  'swallow',
  'half-open',
  'disk full',
] as const

/** What befalls all pairs of a wave. */
export const serverFaults = ['broker killed', 'broker ended', 'database killed', 'database ended', 'HTTP down'] as const

export type PairFault = (typeof pairFaults)[number]
export type ServerFault = (typeof serverFaults)[number]

/** By how often it is chosen. */
const weights: Readonly<Record<PairFault, number>> = {
  kill: 6,
  stop: 2,
  'second process': 1,
  cut: 3,
  stall: 1,
  swallow: 1,
  'half-open': 2,
  'disk full': 2,
}

/** What a pair has that can break. */
export interface Breakable {
  readonly child: Child
  readonly proxies: readonly FaultyProxy[]
  readonly disk: SmallDisk
}

/** A fault and how long it lasts, for those that last. */
export interface Draw {
  readonly fault: PairFault
  readonly forMs: number
}

/** Draws what is possible: a pair without a server has no connection to cut. */
export function drawFault({ proxies, disk }: Pick<Breakable, 'proxies' | 'disk'>, random: Random): Draw {
  const possible = pairFaults.filter((fault) => {
    if (fault === 'disk full') return disk.fill !== undefined
    return proxies.length > 0 || ['kill', 'stop', 'second process'].includes(fault)
  })
  const fault = random.oneOf(possible.flatMap((one) => Array.from({ length: weights[one] }, () => one)))
  return { fault, forMs: random.between(500, 2_000) }
}

/** Does it, and puts right what doesn't come right by itself. */
export async function injectPair(fault: PairFault, at: Breakable, forMs: number): Promise<void> {
  const { child, proxies, disk } = at
  const silent = async (mode: ProxyMode): Promise<void> => {
    for (const proxy of proxies) proxy.mode(mode)
    await sleep(forMs)
    for (const proxy of proxies) {
      proxy.mode('pass')
      if (mode !== 'stall') proxy.cut() // bytes are missing
    }
  }
  switch (fault) {
    case 'kill':
      child.signal('SIGKILL')
      return
    case 'stop':
      child.signal('SIGSTOP')
      await sleep(forMs)
      child.signal('SIGCONT')
      return
    case 'second process':
      await child.second(forMs + 1_000)
      return
    case 'cut':
      for (const proxy of proxies) proxy.cut()
      return
    case 'disk full':
      await disk.fill?.(forMs)
      return
    default:
      await silent(fault)
  }
}

export async function injectServer(fault: ServerFault, servers: Servers, forMs: number): Promise<void> {
  switch (fault) {
    case 'broker killed':
      return servers.rabbit.restart('kill')
    case 'broker ended':
      return servers.rabbit.restart('end')
    case 'database killed':
      return servers.postgres.restart('kill')
    case 'database ended':
      return servers.postgres.restart('end')
    case 'HTTP down':
      return servers.http.restart(forMs)
  }
}
