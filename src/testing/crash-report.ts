import type { Guarantee } from '../guarantee.ts'
import type { ScheduledFault } from './schedule.ts'

/** A schedule of faults after which rows were lost, repeated or out of place. */
export interface CrashFailure {
  /** Source, sink, where it is not the usual one the size (rows, rows a batch, partitions), and what befell which effects: for the option `only`. */
  readonly id: string
  readonly problem: 'lost' | 'unexpected' | 'repeated' | 'reordered' | 'stuck' | 'failed'
  /** In words: which rows, or which error. */
  readonly detail: string
  readonly guarantee: Guarantee
  /** What happened, a line an effect. */
  readonly trace: string
}

/** What an exploration found. */
export interface CrashReport {
  /** Schedules that were run. */
  readonly schedules: number
  readonly failures: readonly CrashFailure[]
  /** The first failure made as short as could be: fewer faults, fewer rows. */
  readonly shortest?: CrashFailure
  /** For people: the shortest failing schedule first. */
  readonly text: string
}

/** What is wrong after a schedule, if anything is. */
export type Verdict = Pick<CrashFailure, 'problem' | 'detail'>

/** What of a schedule decides whether the rows in the sink are right. */
export interface Evidence {
  /** In the sink's order. */
  readonly ids: readonly number[]
  /** Ascending. */
  readonly expected: readonly number[]
  readonly guarantee: Guarantee
  readonly faults: readonly ScheduledFault[]
  /** Whether the source gives its rows in the order of their ids after a crash, too. A queue doesn't. */
  readonly ordered: boolean
  /** The first id of each source. @default one source, from 0 */
  readonly firsts?: readonly number[]
}

/** Holds the rows in the sink against the guarantee. */
export function judge({ ids, expected, guarantee, faults, ordered, firsts = [0] }: Evidence): Verdict | undefined {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  const lost = expected.filter((id) => !counts.has(id))
  if (lost.length > 0) return { problem: 'lost', detail: `rows ${lost.join(', ')} never reached the sink` }
  const others = [...counts.keys()].filter((id) => !expected.includes(id))
  if (others.length > 0)
    return { problem: 'unexpected', detail: `rows ${others.join(', ')} reached the sink, and were not to` }
  const repeated = [...counts].filter(([, count]) => count > 1).map(([id]) => id)
  if (repeated.length > 0 && (faults.length === 0 || guarantee.level !== 'at-least-once')) {
    return { problem: 'repeated', detail: `rows ${repeated.join(', ')} reached the sink more than once` }
  }
  const bySource = firsts.map((first, i) => ids.filter((id) => id >= first && id < (firsts[i + 1] ?? Infinity)))
  const sorted = bySource.every((own) => own.every((id, i) => i === 0 || (own[i - 1] as number) < id))
  if (!sorted && ordered && guarantee.level === 'exactly-once') {
    return { problem: 'reordered', detail: `rows reached the sink in the order ${ids.join(', ')}` }
  }
  return undefined
}

/** Ids that are to reach the sink. */
export function expectedIds(
  rows: number,
  isExpected: (id: number) => boolean = () => true,
  first = 0,
): readonly number[] {
  return Array.from({ length: rows }, (_, i) => first + i).filter(isExpected)
}

/** The one with the fewest faults, and of these the one with the shortest story. */
export function shortestOf<T>(
  found: readonly T[],
  measure: (one: T) => { readonly failure: CrashFailure; readonly length: number },
): T | undefined {
  return found.toSorted((a, b) => {
    const [x, y] = [measure(a), measure(b)]
    return x.length - y.length || x.failure.trace.length - y.failure.trace.length
  })[0]
}

export function crashReport(
  schedules: number,
  failures: readonly CrashFailure[],
  shortest: CrashFailure | undefined = failures[0],
): CrashReport {
  const sorted = [...failures].sort((a, b) => a.trace.length - b.trace.length)
  const text = reportText(schedules, failures, shortest)
  return { schedules, failures: sorted, ...(shortest && { shortest }), text }
}

function reportText(schedules: number, failures: readonly CrashFailure[], shortest: CrashFailure | undefined): string {
  if (shortest === undefined) return `${schedules} schedules, none failed`
  const kinds = [...new Set(failures.map(({ problem }) => problem))].join(', ')
  return [
    `${schedules} schedules, ${failures.length} failed (${kinds}). The shortest, ${shortest.id}, promises ${shortest.guarantee.level}; ${shortest.problem}: ${shortest.detail}`,
    shortest.trace,
  ].join('\n')
}
