/** The clock of a time zone. A *wall time* is what its clocks show, in milliseconds as if they showed UTC. */
export interface Zone {
  readonly name: string
  /** What clocks show at an instant. */
  readonly wall: (ms: number) => number
  /**
   * The instant at which clocks show that: of two the earlier one; of none (clocks were set forward) the one at which they were. So a later wall time is never
   * an earlier instant, and rows in the order of an API's wall times are in order.
   */
  readonly instant: (wall: number) => number
  /** Of a wall time that no clock shows, because clocks were set forward, where the gap begins; else `undefined`. */
  readonly gapStart: (wall: number) => number | undefined
  /**
   * When clocks are set back, an hour of wall times comes twice, and `instant` takes both for the first. For an instant that may be either,
   * where that hour begins; else `undefined`.
   */
  readonly foldStart: (ms: number) => number | undefined
}

export const utc: Zone = {
  name: 'UTC',
  wall: (ms) => ms,
  instant: (wall) => wall,
  gapStart: () => undefined,
  foldStart: () => undefined,
}

const hour = 3_600_000
const day = 24 * hour
/** No zone ever set its clocks back by more. */
const longestFold = 3 * hour
/** Zones change at full quarters of an hour (UTC), so an offset is worked out once in each. */
const quarter = hour / 4

/** @throws RangeError for a name that isn't in the time zone database. */
export function zoneOf(name: string): Zone {
  const offset = zoneOffset(name)
  /** The first instant after `early` with another offset; there is one up to `late`. */
  const change = (early: number, late: number): number => {
    const before = offset(early)
    let [same, other] = [early, late]
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2)
      if (offset(middle) === before) same = middle
      else other = middle
    }
    return other
  }
  const shownAt = (wall: number): { readonly shown: readonly number[]; readonly before: number } => {
    const [before, after] = [offset(wall - day), offset(wall + day)]
    return { shown: [wall - before, wall - after].filter((ms) => ms + offset(ms) === wall), before }
  }
  const setForward = (wall: number, before: number): number => change(wall - offset(wall + day), wall - before)
  const instant = (wall: number): number => {
    const { shown, before } = shownAt(wall)
    return shown.length > 0 ? Math.min(...shown) : setForward(wall, before)
  }
  const gapStart = (wall: number): number | undefined => {
    const { shown, before } = shownAt(wall)
    return shown.length > 0 ? undefined : setForward(wall, before) + before
  }
  const foldStart = (ms: number): number | undefined => {
    const [before, after] = [offset(ms), offset(ms + longestFold)]
    if (after >= before) return undefined
    const start = change(ms, ms + longestFold) - (before - after)
    return ms >= start ? start : undefined
  }
  return { name, wall: (ms) => ms + offset(ms), instant, gapStart, foldStart }
}

/** How far clocks are ahead of UTC at an instant, in milliseconds. */
function zoneOffset(timeZone: string): (ms: number) => number {
  const numeric = 'numeric'
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  })
  const known = new Map<number, number>()
  return (ms) => {
    const block = Math.floor(ms / quarter)
    const cached = known.get(block)
    if (cached !== undefined) return cached
    const start = block * quarter
    const parts = new Map(format.formatToParts(start).map(({ type, value }) => [type, Number(value)]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    if (known.size >= 1_000) known.clear()
    known.set(block, wall - start)
    return wall - start
  }
}
