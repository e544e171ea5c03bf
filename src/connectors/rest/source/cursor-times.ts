import { type Duration, durationMs, durationRule } from '../../../duration.ts'
import { OffsetError, OptionError } from '../../../errors.ts'
import { epochMs, isoText } from '../../../instant.ts'
import { validateOptions } from '../../../options.ts'
import type { Zone } from '../../records/zone.ts'
import type { CursorOptions } from './cursor-options.ts'
import type { Bound, CursorValues } from './cursor-values.ts'

const day = 86_400_000

/** Times, in milliseconds; ISO 8601 in UTC in an offset. */
export function timeValues(
  owner: string,
  options: Omit<CursorOptions<object>, 'field' | 'key'>,
  zone: Zone,
  now: () => number,
): CursorValues {
  validateOptions(
    owner,
    { lag: options.lag, lookback: options.lookback },
    { lag: durationRule, lookback: durationRule },
  )
  const ms = (name: 'lag' | 'lookback' | 'granularity', otherwise: Duration): number =>
    durationMs(options[name] ?? otherwise, owner, name)
  const { format = 'iso', inclusive, until } = options
  const granule = ms('granularity', format === 'seconds' ? '1 second' : '1 millisecond')
  if (format === 'seconds' && granule % 1_000 !== 0)
    throw new OptionError(`${owner}: option "granularity" must be in whole seconds with format "seconds"`)
  const [lag, lookback] = [ms('lag', 0), ms('lookback', 0)]
  const floor = (wall: number): number => Math.floor(wall / granule) * granule

  const write = (wall: number): string | number => {
    if (format === 'milliseconds') return zone.instant(wall)
    if (format === 'seconds') return zone.instant(wall) / 1_000
    const text = zone.name === 'UTC' ? isoText(wall) : isoText(wall).slice(0, -1)
    const iso = granule % day === 0 ? text.slice(0, 10) : granule % 1_000 === 0 ? text.replace('.000', '') : text
    return typeof format === 'function' ? format(iso) : iso
  }
  const settled = (): number => now() - lag
  const isBounded = lag > 0 || until !== undefined
  return {
    of: (column) => (column instanceof Date ? epochMs(column) : undefined),
    toOffset: (value) => isoText(Number(value)),
    fromOffset: (scalar) => {
      const time = epochMs(scalar)
      if (time === undefined)
        throw new OffsetError(
          `${owner}: a time is expected in the offset, and it is ${scalar}; was the cursor another column?`,
        )
      return time
    },
    since: (value) => Math.min(Number(value) - lookback, zone.foldStart(Number(value)) ?? Infinity),
    least: (value) => zone.foldStart(Number(value)) ?? value,
    atLeast: (value): Bound => {
      const fold = zone.foldStart(Number(value))
      // A wall time that comes twice is asked from before its hour: the API may take it for the second.
      const exact = inclusive === true && fold === undefined
      const asked = floor(zone.wall(fold ?? Number(value))) - (exact ? 0 : granule)
      // What no clock shows the API may take for an hour later, or refuse: it is asked from before the gap.
      const gap = zone.gapStart(asked)
      const wall = gap === undefined ? asked : floor(gap - 1)
      return { text: write(wall), least: zone.instant(wall) }
    },
    head: settled,
    settled: () => (isBounded ? zone.instant(floor(zone.wall(settled()))) : settled()),
    isBounded,
    toleratesChange: isBounded || lookback > 0,
    upTo: (value) => write(zone.wall(Number(value))),
  }
}
