import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerFault } from './faults.ts'
import type { Pair } from './pairs.ts'
import { randomOf } from './random.ts'
import { openReaders } from './readers.ts'
import { startServers } from './servers.ts'
import { missingSmallDisk } from './small-disk.ts'
import { type PairOutcome, runWave } from './wave.ts'

export interface ChaosOptions {
  /** Pairs that run side by side, in turn. */
  readonly waves: readonly (readonly Pair[])[]
  /** For all waves, in minutes; servers to start and rows to arrive come on top. */
  readonly minutes: number
  readonly seed: number
  /** How long rows may take after the last fault, in milliseconds. @default 40_000 */
  readonly patienceMs?: number
  /** Ends it early; nothing is left lying about. */
  readonly signal?: AbortSignal
  readonly log?: (line: string) => void
}

export interface ChaosOutcome {
  readonly seed: number
  readonly minutes: number
  readonly pairs: readonly PairOutcome[]
  /** What could not be tried here, and why. */
  readonly skipped: readonly string[]
  readonly seconds: number
}

/** Which servers go down in which wave: each within two of them. */
const turns: readonly (readonly ServerFault[])[] = [
  ['database killed', 'broker killed', 'HTTP down', 'database ended'],
  ['HTTP down', 'database ended', 'broker ended', 'database killed'],
]
/** Of a wave's time, what is left for rows to arrive and to be counted. */
const restShare = 0.3

/** Runs the pairs while processes, connections, disks and servers fail, and counts. Starts its own servers; cleans up after itself. */
export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { waves, minutes, seed, signal = new AbortController().signal, log = () => {} } = options
  const patience = options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }
  const begun = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
  chmodSync(folder, 0o711) // PostgreSQL runs as another user where this is root
  const random = randomOf(seed)
  try {
    const noDisk = missingSmallDisk(folder)
    const skipped = noDisk === undefined ? [] : [`disk full: ${noDisk}`]
    for (const line of skipped) log(`skipped: ${line}`)
    const servers = await startServers(folder)
    const readers = await openReaders()
    try {
      const pairs: PairOutcome[] = []
      for (const [at, wave] of waves.entries()) {
        if (signal.aborted) break
        log(`wave ${at + 1} of ${waves.length}: ${wave.map(({ source, sink }) => `${source} → ${sink}`).join(', ')}`)
        const faultsMs = ((minutes * 60_000) / waves.length) * (1 - restShare)
        const serverFaults = turns[at % turns.length] ?? []
        const common = { folder, servers, readers, random, seed, signal, log, ...patience }
        const outcomes = await runWave({ ...common, pairs: wave, faultsMs, serverFaults })
        // Rows that were still on their way are not lost.
        if (!signal.aborted) pairs.push(...outcomes)
      }
      const untried = waves.flat().length - pairs.length
      if (untried > 0) skipped.push(`${untried} of ${waves.flat().length} pairs: it was ended early`)
      return { seed, minutes, pairs, skipped, seconds: (performance.now() - begun) / 1_000 }
    } finally {
      await readers.close()
      await servers.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

/** What breaks a promise, in words. Empty: nothing did. */
export function brokenPromises({ pairs }: Pick<ChaosOutcome, 'pairs'>): string[] {
  return pairs.flatMap((pair) => {
    const { guarantee, fed, lost, repeated, foreign, drained, examples } = pair
    const ids = (some: readonly number[], count: number): string =>
      `${some.length === 1 ? 'row' : 'rows'} ${some.join(', ')}${count > some.length ? ', …' : ''}`
    const broken = [
      ...(lost > 0 ? [`${lost} of ${fed} rows lost: ${ids(examples.lost, lost)}`] : []),
      ...(foreign > 0 ? [`${foreign} rows that nobody put in: ${ids(examples.foreign, foreign)}`] : []),
      ...(repeated > 0 && guarantee !== 'at-least-once'
        ? [`${repeated} rows repeated, and it promised ${guarantee}: ${ids(examples.repeated, repeated)}`]
        : []),
      ...(guarantee === undefined ? ['it never said what it guarantees'] : []),
      ...(drained ? [] : ['it did not drain']),
    ]
    return broken.map((what) => `${pair.source} → ${pair.sink} (${pair.checkpoint}): ${what}`)
  })
}

/** What befell the pairs that broke their promises, for a search: a run with the same seed draws the same faults, at other moments. */
export function schedulesOfBroken({ pairs }: Pick<ChaosOutcome, 'pairs'>): string[] {
  return pairs
    .filter((pair) => brokenPromises({ pairs: [pair] }).length > 0)
    .map(({ source, sink, schedule }) => `${source} → ${sink}: ${schedule.join('; ')}`)
}
