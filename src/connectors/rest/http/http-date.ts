const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** The three forms of RFC 9110, section 5.6.7: all mean UTC, though one doesn't say so. */
const forms = [
  /^\w{3}, (?<day>\d\d) (?<month>\w{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/i,
  /^\w{6,9}, (?<day>\d\d)-(?<month>\w{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/i,
  /^\w{3} (?<month>\w{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
] as const

/**
 * The time that an HTTP date names, in milliseconds since 1970; `undefined` for another text.
 * @param now what two-digit years are near to: at most 50 years ahead.
 */
export function httpDate(text: string, now: number): number | undefined {
  for (const form of forms) {
    const { day = '', month = '', year = '', time = '' } = form.exec(text.trim())?.groups ?? {}
    const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number)
    const monthIndex = months.indexOf(month.toLowerCase())
    if (monthIndex < 0) continue
    const ms = Date.UTC(
      year.length === 2 ? nearYear(Number(year), now) : Number(year),
      monthIndex,
      Number(day),
      hour,
      minute,
      second,
    )
    // A 31st of February would be a day in March.
    if (new Date(ms).getUTCDate() === Number(day) && hour < 24 && minute < 60 && second < 61) return ms
  }
  return undefined
}

function nearYear(year: number, now: number): number {
  const current = new Date(now).getUTCFullYear()
  const inCentury = current - (current % 100) + year
  return inCentury > current + 50 ? inCentury - 100 : inCentury
}
