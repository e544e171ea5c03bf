import { type Api, BadRequest, dayMs, floorTo, hourMs, json } from './api.ts'
import { type ForecastRequest, parseForecastQuery, type Variables } from './forecast-query.ts'
import { dailyValue, hourlyValue, type Place, type Variable } from './weather.ts'

/**
 * `GET /v1/forecast`, in the shapes of Open-Meteo's forecast API. What the values are is told in `weather.ts`.
 *
 * As there: ends are inclusive; arrays are parallel to `time`; several coordinates give an array; the answer carries the coordinates of the
 * place that answers; dates may lie between 93 days back and 15 days ahead; without a range, today and the six days after it.
 *
 * Other than there: what hasn't happened yet is null instead of a forecast (an hour is there from its full hour on, a day once it is over);
 * only GMT, full hours, and some of the variables and parameters; anything else is refused rather than ignored.
 */
export const forecastApi: Api = {
  answer: (query, now) => {
    const request = parseForecastQuery(query, now)
    const answers = request.places.map((place, index) => placeAnswer(place, index, request, now))
    return { ...json(200, answers.length === 1 ? answers[0] : answers), pastEnd: request.pastEnd }
  },
  refuse: (status, reason) => json(status, { error: true, reason }),
}

function placeAnswer(place: Place, index: number, request: ForecastRequest, now: number): object {
  const started = performance.now()
  const { current, hourly, daily, hours, days, windInKmh } = request
  if (!place.hourly && (current ?? hourly) !== undefined) {
    throw new BadRequest(`No data is available for this location: ${place.name} has daily values only`)
  }
  const unitOf = ({ unit }: Variable) => (windInKmh && unit === 'm/s' ? 'km/h' : unit)
  const shown = (value: number | null, { unit }: Variable) =>
    value !== null && windInKmh && unit === 'm/s' ? Math.round(value * 36) / 10 : value
  const hourAt = (variable: Variable, at: number) => (at > now ? null : shown(hourlyValue(variable, at), variable))
  const dayAt = (variable: Variable, at: number) =>
    at + dayMs > now ? null : shown(dailyValue(place, variable, at), variable)
  const units = (asked: Variables) => Object.fromEntries(asked.map(([name, variable]) => [name, unitOf(variable)]))
  const columns = (asked: Variables, times: readonly number[], valueAt: typeof hourAt) =>
    Object.fromEntries(asked.map(([name, variable]) => [name, times.map((at) => valueAt(variable, at))]))
  const lastHour = floorTo(now, hourMs)

  const sections = {
    ...(current && {
      current_units: { time: 'iso8601', interval: 'seconds', ...units(current) },
      current: {
        time: iso(lastHour).slice(0, 16),
        interval: hourMs / 1000,
        ...Object.fromEntries(current.map(([name, variable]) => [name, hourAt(variable, lastHour)])),
      },
    }),
    ...(hourly && {
      hourly_units: { time: 'iso8601', ...units(hourly) },
      hourly: { time: hours.map((at) => iso(at).slice(0, 16)), ...columns(hourly, hours, hourAt) },
    }),
    ...(daily && {
      daily_units: { time: 'iso8601', ...units(daily) },
      daily: { time: days.map((at) => iso(at).slice(0, 10)), ...columns(daily, days, dayAt) },
    }),
  }
  return {
    latitude: place.latitude,
    longitude: place.longitude,
    generationtime_ms: performance.now() - started,
    utc_offset_seconds: 0,
    timezone: 'GMT',
    timezone_abbreviation: 'GMT',
    elevation: place.elevation,
    ...(index > 0 && { location_id: index }),
    ...sections,
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
