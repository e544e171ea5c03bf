import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Figure, type Size, summary, type Target } from './figure.ts'

/** A figure as it is kept: what its rounds come to. */
export interface Kept extends Size {
  readonly file: string
  readonly name: string
  readonly against?: string
  readonly unit: Figure['unit']
  readonly target?: Target
  readonly clock?: Figure['clock']
  readonly min: number
  readonly median: number
  readonly max: number
  /** Half of the rounds lie within this share of the median. */
  readonly spread: number
  readonly rounds: number
  readonly versions: Readonly<Record<string, string>>
}

const path = fileURLToPath(new URL('../baseline.json', import.meta.url))

/** Three digits say all that there is to say. */
const rounded = (value: number): number => Number(value.toPrecision(3))

export function kept(file: string, { values, took: _, versions, ...figure }: Figure): Kept {
  const { min, median, max, spread } = summary(values)
  return {
    file,
    ...figure,
    min: rounded(min),
    median: rounded(median),
    max: rounded(max),
    spread: rounded(spread),
    rounds: values.length,
    versions,
  }
}

export function readBaseline(): readonly Kept[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept[]) : []
}

/** What tells one figure from another. */
export const keyOf = ({ file, name, unit, against = '' }: Kept): string => JSON.stringify([file, name, unit, against])

/** Puts figures in the place of the same ones of before. Those of other files stay; of a file that was measured whole, what it has no more goes. */
export function renewed(
  before: readonly Kept[],
  measured: readonly Kept[],
  whole: ReadonlySet<string>,
  order: readonly string[],
): readonly Kept[] {
  const now = new Set(measured.map(keyOf))
  const files = new Set(measured.map(({ file }) => file))
  const gone = (one: Kept): boolean => now.has(keyOf(one)) || (files.has(one.file) && whole.has(one.file))
  const others = before.filter((one) => !gone(one) && order.includes(one.file))
  return [...others, ...measured].sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file))
}

/** {@link renewed}, kept. */
export function saveBaseline(
  measured: readonly Kept[],
  whole: ReadonlySet<string>,
  order: readonly string[],
): readonly Kept[] {
  const all = renewed(readBaseline(), measured, whole, order)
  writeFileSync(path, `${JSON.stringify(all, undefined, 2)}\n`)
  return all
}

/** Two equal runs agree to a share of a hundredth by luck only. */
const least = 0.03

/** Of fewer rounds nobody can say how far they lie apart. */
const fewest = 3

/** What got worse since the baseline by more than both say of their spread. What was measured once or twice is shown and not held. */
export function regressions(measured: readonly Kept[], baseline: readonly Kept[]): readonly string[] {
  const before = new Map(baseline.map((one) => [keyOf(one), one]))
  return measured.flatMap((now) => {
    const then = before.get(keyOf(now))
    const what = `${now.file}: ${now.name}${now.against === undefined ? '' : `, beside ${now.against}`}`
    if (then === undefined) return [`${what} is not in the baseline`]
    if (Math.min(now.rounds, then.rounds) < fewest) return []
    const more = now.unit === 'of its speed'
    const change = now.median === then.median ? 0 : (now.median - then.median) / then.median // 0 to 0 is no change either
    const allowed = Math.max(least, now.spread + then.spread)
    if ((more ? -change : change) <= allowed) return []
    const percent = (share: number): string => `${(share * 100).toFixed(0)} %`
    return [
      `${what}: ${now.median} ${now.unit}, ${then.median} in the baseline; ${percent(Math.abs(change))} worse, and ${percent(allowed)} is the spread of both`,
    ]
  })
}
