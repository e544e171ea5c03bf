import type { OperatorFunction } from 'rxjs'
import { concatAnswers, whenAnswered } from '../src/answer.ts'
import { canonicalOffset, copyOffset, refuseRegression } from '../src/offset.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import { type ReaderBase, type ReadLimit, readAllAvailable } from '../src/source.ts'
import { askPort } from './call-port.ts'

/** The range of the next batch: `start` is in it, `end` is not. */
export interface OffsetRange<Offset extends object> {
  readonly start: Offset
  readonly end: Offset
}

/**
 * Asks the source how far the next batch may go: once for each start position.
 *
 * A start position becomes the range up to the source's answer, or nothing when nothing is new (the answer equals the start, as canonical JSON).
 *
 * @param limit how much the batch may take at most. @default no limit
 * @returns an Observable of ranges, in the order of the starts. Fails with `OffsetRegressionError` when the source has `compare` and answers
 *   with a position before the start, and with `OffsetError` when the answer is no offset.
 */
export function latestOffset<Offset extends object>(
  reader: Pick<ReaderBase<Offset, never, never>, 'latestOffset' | 'compare'>,
  limit: ReadLimit = readAllAvailable,
  context: RunContext = runContext(),
): OperatorFunction<Offset, OffsetRange<Offset>> {
  return concatAnswers((start) => {
    const answer = askPort(context, 'latestOffset', () => reader.latestOffset(start, limit), { phase: 'latestOffset' })
    return whenAnswered(answer, (end): OffsetRange<Offset> | undefined => {
      const from = canonicalOffset(start, 'start')
      const to = canonicalOffset(end, 'latestOffset')
      if (from === to) return undefined
      refuseRegression(start, end, reader.compare?.bind(reader))
      return { start, end: copyOffset(end, to) }
    })
  })
}
