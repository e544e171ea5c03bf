import { map, type Observable } from 'rxjs'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../options.ts'
import { byIdRange, type Cut, cutRule, type Range } from '../partition.ts'
import type { Result } from '../result.ts'
import { ask, type Positions } from './positions.ts'

/** The number of rows before this position. */
export type SequenceOffset = { readonly offset: number }

/** Options of {@link sequenceOffset}. */
export interface SequenceOptions<Args extends readonly unknown[]> {
  /** The position a new query begins at; `'latest'`: where the source is then. @default 0 */
  readonly from?: number | 'latest'
  /** The first position that is not there yet: a count, or the greatest id plus one. */
  readonly head: (...args: Args) => Result<number>
  /** How a batch is cut into partitions. @default 1, the whole batch */
  readonly cut?: Cut
}

const latest = oneOf('latest')
const fromRule: OptionRule = {
  expected: 'an integer from 0 or "latest"',
  accepts: (value) => latest.accepts(value) || rules.nonNegativeInteger.accepts(value),
}

/**
 * Positions of a source that numbers its rows: `{ offset: n }`. A batch ends at `maxRows` after its start or at the head, and never before its start,
 * also when the head went back (rows were deleted).
 * @returns partitions `{ from, to }`.
 * @throws OptionError
 */
export function sequenceOffset<Args extends readonly unknown[] = []>(options: SequenceOptions<Args>) {
  validateOptions('sequenceOffset', options, { from: fromRule, head: required(rules.function), cut: cutRule })
  const { from = 0, head, cut = 1 } = options
  const isPosition = (answer: number) => (rules.nonNegativeInteger.accepts(answer) ? answer : undefined)
  const headNow = (args: Args): Observable<number> =>
    ask('head of sequenceOffset', () => head(...args), 'an integer from 0', isPosition)
  const reportLatestOffset = (...args: Args): Observable<SequenceOffset> =>
    headNow(args).pipe(map((offset) => ({ offset })))
  return {
    initialOffset: (...args: Args) => (from === 'latest' ? reportLatestOffset(...args) : { offset: from }),
    latestOffset: (start, limit, ...args) =>
      headNow(args).pipe(
        map((end) => ({ offset: Math.max(start.offset, Math.min(start.offset + limit.maxRows, end)) })),
      ),
    partitions: (start, end) => byIdRange(start.offset, end.offset, cut),
    compare: (a, b) => a.offset - b.offset,
    distance: (start, end, ..._: Args) => Math.max(0, end.offset - start.offset),
    reportLatestOffset,
  } satisfies Positions<SequenceOffset, Range<number>, Args>
}
