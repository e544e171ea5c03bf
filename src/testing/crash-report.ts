import type { Guarantee } from '../guarantee.ts'

/** A schedule of crashes after which rows were lost, repeated or out of place. */
export interface CrashFailure {
  /** Source, sink and the effects after which the process died: for the option `only`. */
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
  readonly crashes: readonly number[]
  /** Whether the source gives its rows in the order of their ids after a crash, too. A queue doesn't. */
  readonly ordered: boolean
}

/** Holds the rows in the sink against the guarantee. */
export function judge({ ids, expected, guarantee, crashes, ordered }: Evidence): Verdict | undefined {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  const lost = expected.filter((id) => !counts.has(id))
  if (lost.length > 0) return { problem: 'lost', detail: `rows ${lost.join(', ')} never reached the sink` }
  const others = [...counts.keys()].filter((id) => !expected.includes(id))
  if (others.length > 0)
    return { problem: 'unexpected', detail: `rows ${others.join(', ')} reached the sink, and were not to` }
  const repeated = [...counts].filter(([, count]) => count > 1).map(([id]) => id)
  if (repeated.length > 0 && (crashes.length === 0 || guarantee.level !== 'at-least-once')) {
    return { problem: 'repeated', detail: `rows ${repeated.join(', ')} reached the sink more than once` }
  }
  const sorted = ids.every((id, i) => i === 0 || (ids[i - 1] as number) < id)
  if (!sorted && ordered && guarantee.level === 'exactly-once') {
    return { problem: 'reordered', detail: `rows reached the sink in the order ${ids.join(', ')}` }
  }
  return undefined
}

/** Ids from 0 that are to reach the sink. */
export function expectedIds(rows: number, isExpected: (id: number) => boolean = () => true): readonly number[] {
  return Array.from({ length: rows }, (_, id) => id).filter(isExpected)
}

export function crashReport(schedules: number, failures: readonly CrashFailure[]): CrashReport {
  const sorted = [...failures].sort((a, b) => a.trace.length - b.trace.length)
  return { schedules, failures: sorted, text: reportText(schedules, sorted) }
}

function reportText(schedules: number, failures: readonly CrashFailure[]): string {
  const [first] = failures
  if (first === undefined) return `${schedules} schedules, none failed`
  const kinds = [...new Set(failures.map(({ problem }) => problem))].join(', ')
  return [
    `${schedules} schedules, ${failures.length} failed (${kinds}). The shortest, ${first.id}, promises ${first.guarantee.level}; ${first.problem}: ${first.detail}`,
    first.trace,
  ].join('\n')
}
