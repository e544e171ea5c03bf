import type { CrashFailure } from './crash-report.ts'
import type { ModelShape, Outcome } from './model-run.ts'
import { placements, type ScheduledFault } from './schedule.ts'

/** A failing schedule, and what it is run on. */
export interface Failing {
  readonly failure: CrashFailure
  readonly shape: ModelShape
  readonly faults: readonly ScheduledFault[]
}

/** Runs that the search may take. */
const budget = 5_000

/**
 * Looks for the same problem with fewer faults, then on fewer rows, larger batches and one partition; the fewest rows first, and there the earliest effects.
 * @returns the shortest that was found.
 */
export function shrinkOnModel(
  failing: Failing,
  run: (shape: ModelShape, faults: readonly ScheduledFault[]) => Outcome,
): CrashFailure {
  let left = budget
  const fails = (shape: ModelShape, faults: readonly ScheduledFault[]): Outcome => {
    left--
    return run(shape, faults)
  }
  const same = ({ failure }: Outcome): boolean => failure?.problem === failing.failure.problem
  const { shape } = failing
  let { faults, failure } = failing
  for (const fewer of without(faults)) {
    const outcome = fails(shape, fewer)
    if (outcome.failure === undefined || !same(outcome)) continue
    faults = fewer
    failure = outcome.failure
    break
  }
  for (const smaller of smallerShapes(shape)) {
    const places = placements(faults.map(({ kind }) => kind))
    for (let step = places.next(); step.done !== true; ) {
      if (left <= 0) return failure
      const outcome = fails(smaller, step.value)
      if (outcome.failure !== undefined && same(outcome)) return outcome.failure
      step = places.next(outcome.effects)
    }
  }
  return failure
}

/** No fault at all, or one of two. */
export function without(faults: readonly ScheduledFault[]): readonly (readonly ScheduledFault[])[] {
  if (faults.length === 0) return []
  return faults.length === 1 ? [[]] : [[], ...faults.map((_, index) => faults.filter((_, other) => other !== index))]
}

function smallerShapes({ source, sink, ...size }: ModelShape): readonly ModelShape[] {
  const shapes: ModelShape[] = []
  for (let rows = 1; rows <= size.rows; rows++) {
    for (let partitions = 1; partitions <= size.partitions; partitions++) {
      for (let maxRows = Math.min(rows, size.maxRows); maxRows >= 1; maxRows--) {
        const smaller = rows < size.rows || partitions < size.partitions || maxRows < size.maxRows
        if (smaller) shapes.push({ source, sink, rows, maxRows, partitions })
      }
    }
  }
  return shapes
}
