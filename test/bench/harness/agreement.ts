import { type Kept, keyOf } from './baseline.ts'

/** How several whole runs of the bench compare. */
export interface Agreement {
  /** Figures that every run has in three rounds or more: of fewer nobody can say how far they lie apart. */
  readonly figures: number
  /** Those of them where a run's median lies beyond what another run's rounds reached, least to greatest. */
  readonly apart: readonly string[]
}

const fewest = 3

/** Whether runs agree within the spread that each of them states: its least and its greatest round. */
export function agreement(runs: readonly (readonly Kept[])[]): Agreement {
  const [first = [], ...others] = runs
  const apart: string[] = []
  let figures = 0
  for (const figure of first) {
    const same = [figure, ...others.flatMap((run) => run.find((other) => keyOf(other) === keyOf(figure)) ?? [])]
    if (same.length < runs.length || same.some(({ rounds }) => rounds < fewest)) continue
    figures++
    if (same.every(({ min, max }) => same.every(({ median }) => min <= median && median <= max))) continue
    const { name, against, unit } = figure
    const all = same.map(({ min, median, max }) => `${min} / ${median} / ${max}`).join(', ')
    apart.push(`${name}${against === undefined ? '' : `, beside ${against}`}: ${all} ${unit}`)
  }
  return { figures, apart }
}
