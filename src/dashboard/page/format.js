const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const small = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** A count, in full up to a million. */
export function count(value) {
  if (value === undefined || value === null) return '–'
  return value < 1_000_000 ? whole.format(value) : short.format(value)
}

/** Rows a second. */
export function rate(value) {
  if (value === undefined || value === null) return '–'
  return value < 100 ? small.format(value) : value < 100_000 ? whole.format(value) : short.format(value)
}

/** A length of time, from milliseconds. */
export function duration(ms) {
  if (ms === undefined || ms === null) return '–'
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${small.format(ms / 1_000)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`
  return `${Math.floor(ms / 86_400_000)} days`
}

/** How long ago; 0 is never. */
export function ago(at, now) {
  if (!at) return 'never'
  const ms = Math.max(0, now - at)
  return ms < 1_000 ? 'just now' : `${duration(Math.floor(ms / 1_000) * 1_000)} ago`
}

/** The time of day. */
export function clock(at) {
  return new Date(at).toLocaleTimeString('en-GB')
}
