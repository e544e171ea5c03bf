import { readFileSync } from 'node:fs'

/** What a figure should be. Without either it is only told. */
export interface Target {
  readonly atLeast?: number
  readonly atMost?: number
}

/** What one run works on. */
export interface Size {
  readonly rows?: number
  /** Of these rows as JSON, or what is written. */
  readonly bytes?: number
  /** Rows of a batch. */
  readonly batchRows?: number
}

/** One thing that was measured, a value for each round. */
export interface Figure extends Size {
  readonly name: string
  /** What it was measured beside, in the same rounds. */
  readonly against?: string
  /** 'of its speed' and 'of its time' are ratios to what stands beside. */
  readonly unit: 'of its speed' | 'of its time' | 'µs' | 'ms' | '%' | 'modules' | 'files'
  readonly target?: Target
  /** What was timed. */
  readonly clock?: 'wall' | 'processor'
  readonly values: readonly number[]
  /** What a run took, for those who want to know more than the ratio: milliseconds, by who ran. */
  readonly took?: { readonly ours: readonly number[]; readonly theirs?: readonly number[] }
  /** By package. */
  readonly versions: Readonly<Record<string, string>>
}

export interface Summary {
  readonly min: number
  readonly median: number
  readonly max: number
  /** Half of the rounds lie within this share of the median. */
  readonly spread: number
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] as number
  const median = (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2
  const distances = sorted.map((value) => Math.abs(value - median)).sort((a, b) => a - b)
  const half = distances[Math.ceil(distances.length / 2) - 1] as number
  return { min: at(0), median, max: at(sorted.length - 1), spread: median === 0 ? 0 : half / median }
}

/** Whether the median is on the right side; `undefined` without a target. */
export function isKept(median: number, target: Target | undefined): boolean | undefined {
  if (target?.atLeast !== undefined) return median >= target.atLeast
  if (target?.atMost !== undefined) return median <= target.atMost
  return undefined
}

/** Of packages that are installed here. */
export function versionsOf(packages: readonly string[]): Readonly<Record<string, string>> {
  const modules = new URL('../../../node_modules/', import.meta.url)
  const version = (name: string): string =>
    (JSON.parse(readFileSync(new URL(`${name}/package.json`, modules), 'utf8')) as { version: string }).version
  return { node: process.versions.node, ...Object.fromEntries(packages.map((name) => [name, version(name)])) }
}

/** Hands a figure to `npm run bench`; a bench that is run by itself only prints. */
export function report(figure: Omit<Figure, 'versions'>, packages: readonly string[] = ['rxjs']): Figure {
  const whole = { ...figure, versions: versionsOf(packages) }
  process.send?.(whole)
  return whole
}
