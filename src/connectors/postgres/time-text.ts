/** The earliest day that PostgreSQL knows: 24 November 4714 BC, in milliseconds. What JavaScript knows ends long before what PostgreSQL does. */
export const earliestMs = Date.UTC(-4713, 10, 24)

const dayMs = 86_400_000
const digits = (count: number, width: number) =>
  Array.from({ length: count }, (_, number) => String(number).padStart(width, '0'))
const two = digits(60, 2)
const three = digits(1_000, 3)

/**
 * Makes the writer of times as PostgreSQL reads them, in UTC with milliseconds. It keeps the text of the last day: times of a column lie close together,
 * and `toISOString` was the dearest part of a COPY.
 */
export function timestampWriter(): (date: Date) => string {
  let day = Number.NaN
  let head = ''
  return (date) => {
    const ms = date.getTime()
    if (Math.floor(ms / dayMs) !== day) {
      const text = date.toISOString()
      if (text.length !== 24 || text.startsWith('0000')) return eraText(text)
      day = Math.floor(ms / dayMs)
      head = text.slice(0, 11)
    }
    const rest = ms - day * dayMs
    const seconds = Math.floor(rest / 1_000)
    const minutes = Math.floor(seconds / 60)
    return `${head}${two[Math.floor(minutes / 60)]}:${two[minutes % 60]}:${two[seconds % 60]}.${three[rest % 1_000]}Z`
  }
}

/** The day of a time in UTC. */
export function dateText(date: Date): string {
  const text = date.toISOString()
  if (text.length === 24 && !text.startsWith('0000')) return text.slice(0, 10)
  const [day, era] = splitEra(text)
  return `${day.slice(0, day.indexOf('T'))}${era}`
}

/** ISO 8601 has a year 0 and years before it; PostgreSQL has 1 BC and others. */
function eraText(iso: string): string {
  const [text, era] = splitEra(iso)
  return `${text}${era}`
}

function splitEra(iso: string): readonly [text: string, era: string] {
  const [, sign = '', year = '', rest = ''] = /^([+-]?)(\d+)(-.*)$/.exec(iso) ?? []
  const count = Number(year)
  if (sign === '-' || count === 0) return [`${String(count + 1).padStart(4, '0')}${rest}`, ' BC']
  return [`${count}${rest}`, '']
}

const pattern = /^(\d{4,6})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|[+-]00(?::?00)?)?)?( BC)?$/

/**
 * A date or a time in UTC as PostgreSQL writes it (with `timezone` UTC), also within JSON. Microseconds are cut to milliseconds.
 * @returns `undefined` for what no Date can hold: infinity.
 */
export function parseTime(text: string): Date | undefined {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', era] = pattern.exec(text) ?? []
  if (year === undefined) return undefined
  const date = new Date(0)
  date.setUTCFullYear(era === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')))
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** The order of two times as PostgreSQL writes them, with all digits: by their texts they are ordered only between the years 1 and 9999. */
export function compareTimes(a: string, b: string): number {
  const [[yearA, restA], [yearB, restB]] = [yearOf(a), yearOf(b)]
  if (yearA !== yearB) return yearA < yearB ? -1 : 1
  return restA < restB ? -1 : Number(restA > restB)
}

function yearOf(text: string): readonly [year: number, rest: string] {
  const [, digits, rest = '', era] = /^(\d+)(-.*?)( BC)?$/.exec(text) ?? []
  if (digits === undefined) return [text.startsWith('-') ? -Infinity : Infinity, ''] // -infinity, infinity
  return [era === undefined ? Number(digits) : 1 - Number(digits), rest]
}
