import { BadRequest, dayMs, floorTo, hourMs, parseGmt } from './api.ts'
import { dailyVariables, hourlyVariables, type Place, places, type Variable } from './weather.ts'

const parameters = [
  ...['latitude', 'longitude', 'current', 'hourly', 'daily', 'timezone', 'wind_speed_unit'],
  ...['start_hour', 'end_hour', 'start_date', 'end_date', 'past_days', 'forecast_days'],
]

export type Variables = readonly (readonly [name: string, variable: Variable])[]

interface Ranges {
  /** Full hours and midnights, epoch milliseconds. */
  readonly hours: readonly number[]
  readonly days: readonly number[]
  /** An end was named, and it lies ahead of what has happened. */
  readonly pastEnd: boolean
}

export interface ForecastRequest extends Ranges {
  readonly places: readonly Place[]
  readonly current: Variables | undefined
  readonly hourly: Variables | undefined
  readonly daily: Variables | undefined
  readonly windInKmh: boolean
}

/** @throws BadRequest with Open-Meteo's words where the real one refuses too, and for everything that this server leaves out. */
export function parseForecastQuery(query: URLSearchParams, now: number): ForecastRequest {
  for (const name of query.keys()) {
    if (!parameters.includes(name)) throw new BadRequest(`Parameter '${name}' is not offered by this server`)
  }
  if ((query.get('timezone') ?? 'GMT') !== 'GMT') throw new BadRequest('Invalid timezone')
  return {
    places: askedPlaces(query),
    current: variables(query, 'current', hourlyVariables),
    hourly: variables(query, 'hourly', hourlyVariables),
    daily: variables(query, 'daily', dailyVariables),
    windInKmh: windInKmh(query),
    ...ranges(query, now),
  }
}

function ranges(query: URLSearchParams, now: number): Ranges {
  const today = floorTo(now, dayMs)
  const allowed = { from: today - 93 * dayMs, until: today + 16 * dayMs }
  const dates = range(query, 'start_date', 'end_date', dayMs, allowed)
  const hours = range(query, 'start_hour', 'end_hour', hourMs, allowed)
  if (dates === undefined && hours === undefined) {
    const from = today - count(query, 'past_days', 0, 93) * dayMs
    const until = today + count(query, 'forecast_days', 7, 16) * dayMs
    return { hours: steps(from, until, hourMs), days: steps(from, until, dayMs), pastEnd: false }
  }
  for (const name of ['past_days', 'forecast_days']) {
    if (query.has(name)) {
      throw new BadRequest(`Parameter '${name}' is mutually exclusive with 'start_date' and 'end_date'`)
    }
  }
  const span = hours ?? dates!
  return {
    hours: steps(span.from, span.until, hourMs),
    days: dates === undefined ? [] : steps(dates.from, dates.until, dayMs),
    pastEnd: (dates !== undefined && dates.until > now) || (hours !== undefined && hours.until - hourMs > now),
  }
}

interface Span {
  readonly from: number
  /** Exclusive. */
  readonly until: number
}

function range(query: URLSearchParams, start: string, end: string, step: number, allowed: Span): Span | undefined {
  if (!query.has(start) && !query.has(end)) return undefined
  if (!query.has(start) || !query.has(end)) {
    throw new BadRequest("Parameter 'start_date' and 'end_date' must have the same number of elements")
  }
  const from = time(query, start, step)
  const last = time(query, end, step)
  if (last < from) throw new BadRequest('End-date must be larger or equals than start-date')
  for (const [name, at] of [
    [start, from],
    [end, last],
  ] as const) {
    if (at < allowed.from || at >= allowed.until) {
      const [first, final] = [allowed.from, allowed.until - dayMs].map((day) =>
        new Date(day).toISOString().slice(0, 10),
      )
      throw new BadRequest(`Parameter '${name}' is out of allowed range from ${first} to ${final}`)
    }
  }
  return { from, until: last + step }
}

function time(query: URLSearchParams, name: string, step: number): number {
  const at = parseGmt(query.get(name)!)
  if (at === undefined) throw new BadRequest("Invalid date format. Make sure to use 'YYYY-MM-DD'")
  if (at % step !== 0)
    throw new BadRequest(`Parameter '${name}' must be a full ${step === dayMs ? 'day' : 'hour'} here`)
  return at
}

function count(query: URLSearchParams, name: string, byDefault: number, most: number): number {
  const given = Number(query.get(name) ?? byDefault)
  if (Number.isInteger(given) && given >= 0 && given <= most) return given
  const label = name === 'past_days' ? 'Past' : 'Forecast'
  throw new BadRequest(`${label} days is invalid. Allowed range 0 to ${most}. Given ${query.get(name)}.`)
}

function variables(
  query: URLSearchParams,
  name: string,
  offered: Readonly<Record<string, Variable>>,
): Variables | undefined {
  if (!query.has(name)) return undefined
  return list(query, name).map((asked) => {
    const variable = Object.hasOwn(offered, asked) ? offered[asked] : undefined
    if (variable !== undefined) return [asked, variable]
    throw new BadRequest(
      `Data corrupted at path ''. Cannot initialize a variable from invalid String value ${asked} for '${name}'. ` +
        `This server offers ${Object.keys(offered).join(', ')}`,
    )
  })
}

function windInKmh(query: URLSearchParams): boolean {
  const unit = query.get('wind_speed_unit') ?? 'kmh'
  if (unit !== 'kmh' && unit !== 'ms') throw new BadRequest(`Parameter 'wind_speed_unit' must be kmh or ms here`)
  return unit === 'kmh'
}

function askedPlaces(query: URLSearchParams): Place[] {
  const latitudes = list(query, 'latitude').map(Number)
  const longitudes = list(query, 'longitude').map(Number)
  if (latitudes.length === 0 && longitudes.length === 0) {
    throw new BadRequest("Parameter 'latitude' and 'longitude' must not be empty")
  }
  if (latitudes.length !== longitudes.length) {
    throw new BadRequest("Parameter 'latitude' and 'longitude' must have the same number of elements")
  }
  return latitudes.map((latitude, index) => nearest(latitude, longitudes[index]!))
}

function nearest(latitude: number, longitude: number): Place {
  if (!(Math.abs(latitude) <= 90)) throw new BadRequest(`Latitude must be in range of -90 to 90°. Given: ${latitude}.`)
  if (!(Math.abs(longitude) <= 180)) {
    throw new BadRequest(`Longitude must be in range of -180 to 180°. Given: ${longitude}.`)
  }
  const place = places.find((one) => Math.hypot(one.latitude - latitude, one.longitude - longitude) < 1)
  if (place !== undefined) return place
  const known = places.map((one) => `${one.name} (${one.latitude}, ${one.longitude})`).join(' and ')
  throw new BadRequest(`No data is available for this location: this server knows ${known}`)
}

function list(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(','))
    .filter((value) => value !== '')
}

function steps(from: number, until: number, step: number): number[] {
  return Array.from({ length: Math.max(0, (until - from) / step) }, (_, index) => from + index * step)
}
