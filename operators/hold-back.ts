import { concatMap, EMPTY, type MonoTypeOperatorFunction, of } from 'rxjs'
import { OptionError } from '../src/errors.ts'
import type { RunContext } from '../src/run-context.ts'
import type { ReaderBase } from '../src/source.ts'
import { callPort } from './call-port.ts'
import type { OffsetRange } from './latest-offset.ts'

/** Options of {@link holdBack}. */
export interface HoldBackOptions {
  /** A range of fewer rows waits. */
  readonly minRows: number
  /** … but no longer than this, in milliseconds, from when it was first seen. */
  readonly maxDelayMs: number
  /** Called with the time that is left, in milliseconds, when a range is made to wait. */
  readonly onHeld: (leftMs: number) => void
}

/**
 * Lets a range pass only when it is worth a batch: when it holds `minRows` rows, or has waited for `maxDelayMs`.
 *
 * It remembers over subscriptions since when something has been waiting, because each trigger asks anew: make one for a run.
 *
 * @param reader must have `distance`, by which the rows are counted.
 * @returns an operator that passes a range or swallows it. @throws OptionError when the reader can't count.
 */
export function holdBack<Offset extends object>(
  reader: Pick<ReaderBase<Offset, never, never>, 'distance'>,
  { minRows, maxDelayMs, onHeld }: HoldBackOptions,
  context: RunContext,
): MonoTypeOperatorFunction<OffsetRange<Offset>> {
  const distance = reader.distance?.bind(reader)
  if (distance === undefined)
    throw new OptionError('limit: option "minRows" needs a source with distance, by which rows are counted')
  let since: number | undefined
  return concatMap((range) =>
    callPort(context, 'distance', () => distance(range.start, range.end)).pipe(
      concatMap((rows) => {
        const now = context.scheduler.now()
        since ??= now
        if (rows >= minRows || now - since >= maxDelayMs) {
          since = undefined
          return of(range)
        }
        onHeld(since + maxDelayMs - now)
        return EMPTY
      }),
    ),
  )
}
