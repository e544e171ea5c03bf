export interface Clock {
  /** The server's time, epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds of the server's time that pass in one millisecond of `now`. */
  readonly speed: number
}

/** A clock that starts at `now()` and runs `speed` times as fast: with 3600, one hour passes in a second. */
export function replayClock(now: () => number, speed: number): Clock {
  if (!(speed > 0 && Number.isFinite(speed))) throw new RangeError(`speed must be a number above 0, and it is ${speed}`)
  const start = now()
  return { now: () => Math.floor(start + (now() - start) * speed), speed }
}
