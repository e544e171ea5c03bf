import type { OperatorFunction } from 'rxjs'
import { concatAnswers, whenAnswered } from '../src/answer.ts'
import { assertJson } from '../src/checkpoint/plan-text.ts'
import { describeError, PortError } from '../src/errors.ts'
import { frozenCopy } from '../src/offset.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import type { ReaderBase } from '../src/source.ts'
import { askPort } from './call-port.ts'
import type { OffsetRange } from './latest-offset.ts'

/** A range and the slices it is read in. */
export interface PlannedRange<Offset extends object, Partition> extends OffsetRange<Offset> {
  readonly partitions: readonly Partition[]
}

/**
 * Asks the source how to cut each range into partitions.
 *
 * What goes on is what the log will give back after a crash. A partition that JSON would change (a Date, a bigint, `Infinity`) is refused,
 * because a replay would read something else.
 *
 * @returns an Observable of ranges with their partitions, in order. Fails with `PortError` when the answer is no list or no JSON.
 */
export function planPartitions<Offset extends object, Partition>(
  reader: Pick<ReaderBase<Offset, Partition, never>, 'partitions'>,
  context: RunContext = runContext(),
): OperatorFunction<OffsetRange<Offset>, PlannedRange<Offset, Partition>> {
  return concatAnswers(({ start, end }) => {
    const answer = askPort(context, 'partitions', () => reader.partitions(start, end), { phase: 'queryPlanning' })
    return whenAnswered(answer, (partitions) => ({ start, end, partitions: asLogged(partitions) }))
  })
}

function asLogged<Partition>(partitions: readonly Partition[]): readonly Partition[] {
  if (!Array.isArray(partitions))
    throw new PortError(`partitions must answer with an array, and it answered with ${typeof partitions}`)
  const copy = copyOf(partitions)
  assertJson(partitions, 'partitions')
  return copy
}

/** A read that changed its partition would leave less of it for the next attempt. */
function copyOf<Partition>(partitions: readonly Partition[]): readonly Partition[] {
  try {
    return frozenCopy(partitions)
  } catch (error) {
    throw new PortError(`partitions must be JSON-serialisable: ${describeError(error)}`, { cause: error })
  }
}
