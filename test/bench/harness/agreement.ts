import { type Kept, keyOf } from './baseline.ts'

/** How several whole runs of the bench compare. */
export interface Agreement {
  /** Figures that every run has in three rounds or more: of fewer nobody can say how far they lie apart. */
  readonly figures: number
  /** Those of them where a run's median lies beyond what another run's rounds reached, least to greatest. */
  readonly apart: readonly string[]
  /** Those of them where two runs have no value in common at all. */
  readonly asunder: readonly string[]
}

const fewest = 3

/** Whether runs agree within the spread that each of them states: its least and its greatest round. */
export function agreement(runs: readonly (readonly Kept[])[]): Agreement {
  const [apart, asunder]: [string[], string[]] = [[], []]
  let figures = 0
  for (const same of alike(runs)) {
    if (same.length < runs.length || same.some(({ rounds }) => rounds < fewest)) continue
    figures++
    if (same.some(({ min }) => same.some(({ max }) => min > max))) asunder.push(described(same))
    if (same.some(({ min, max }) => same.some(({ median }) => median < min || median > max)))
      apart.push(described(same))
  }
  return { figures, apart, asunder }
}

/**
 * One run in place of several: the least and the greatest round of all, and the median of the medians. Its spread is as wide as to hold half of the rounds of each.
 * What only some of the runs have is of these.
 */
export function pooled(runs: readonly (readonly Kept[])[]): readonly Kept[] {
  return alike(runs).map((same) => {
    const medians = same.map(({ median }) => median).sort((a, b) => a - b)
    const middle = (medians.length - 1) / 2
    const median = ((medians[Math.floor(middle)] as number) + (medians[Math.ceil(middle)] as number)) / 2
    const off = (of: Kept): number => (median === 0 ? 0 : Math.abs(of.median - median) / median)
    return {
      ...(same[0] as Kept),
      min: Math.min(...same.map(({ min }) => min)),
      median,
      max: Math.max(...same.map(({ max }) => max)),
      spread: Number(Math.max(...same.map((one) => one.spread + off(one))).toPrecision(3)),
      rounds: same.reduce((sum, { rounds }) => sum + rounds, 0),
    }
  })
}

/** The same figure of each run, in the order of the first that has it. */
function alike(runs: readonly (readonly Kept[])[]): readonly (readonly Kept[])[] {
  const byKey = new Map<string, Kept[]>()
  for (const figure of runs.flat()) byKey.set(keyOf(figure), [...(byKey.get(keyOf(figure)) ?? []), figure])
  return [...byKey.values()]
}

function described(same: readonly Kept[]): string {
  const [{ name, against, unit }] = same as readonly [Kept]
  const all = same.map(({ min, median, max }) => `${min} / ${median} / ${max}`).join(', ')
  return `${name}${against === undefined ? '' : `, beside ${against}`}: ${all} ${unit}`
}
