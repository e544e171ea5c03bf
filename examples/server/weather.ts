import { hourMs } from './api.ts'
import { type CsvRecord, lazy, parseCsv, readDataset } from './data.ts'

/**
 * What the weather is made of; nothing here is invented or interpolated.
 *
 * - Daily values of Seattle and New York are observations of the years 2012–2015 (NOAA, `weather.csv`). Four years hold one leap year,
 *   so they are repeated every four years and every date keeps its place: 2026-11-21 answers what was observed on 2014-11-21.
 *   A day of the data is a day of local time and is given out as the day of the same date in GMT.
 * - Hourly values exist for Seattle only and are NOAA's normals: for each hour of the year the average of the observations of 1981–2010
 *   (`seattle-weather-hourly-normals.csv`). They are the same every year. The file has no February 29, nor the first hour of January 1.
 *
 * Humidity is in neither file: it is null, as Open-Meteo says where it has none. Nor is the dew point, which isn't offered. The files name no station; coordinates and elevation are the cities'.
 */
export interface Place {
  readonly name: string
  readonly latitude: number
  readonly longitude: number
  /** Metres. */
  readonly elevation: number
  readonly hourly: boolean
}

export const places: readonly Place[] = [
  { name: 'Seattle', latitude: 47.60621, longitude: -122.33207, elevation: 56, hourly: true },
  { name: 'New York', latitude: 40.71427, longitude: -74.00597, elevation: 10, hourly: false },
]

/** A variable under Open-Meteo's name: the column that holds it, if any does, and the unit that column is in. */
export interface Variable {
  readonly column: string | undefined
  readonly unit: string
}

export const hourlyVariables: Readonly<Record<string, Variable>> = {
  temperature_2m: { column: 'temperature', unit: '°C' },
  pressure_msl: { column: 'pressure', unit: 'hPa' },
  wind_speed_10m: { column: 'wind', unit: 'm/s' },
  relative_humidity_2m: { column: undefined, unit: '%' },
}

// The data's own description gives the wind in km/h, but its script divides NOAA's AWND (tenths of m/s) by ten.
export const dailyVariables: Readonly<Record<string, Variable>> = {
  temperature_2m_max: { column: 'temp_max', unit: '°C' },
  temperature_2m_min: { column: 'temp_min', unit: '°C' },
  precipitation_sum: { column: 'precipitation', unit: 'mm' },
  wind_speed_10m_mean: { column: 'wind', unit: 'm/s' },
}

/** The normals are in Seattle's standard time, all year. */
const seattleOffset = -8 * hourMs

const normals = lazy(() =>
  indexBy(parseCsv(readDataset('seattle-weather-hourly-normals.csv')), (record) => record.date!.slice(5, 13)),
)

const observations = lazy(() =>
  indexBy(parseCsv(readDataset('weather.csv')), (record) => `${record.location} ${record.date}`),
)

/** The value at a full hour (epoch milliseconds), or null where the data has none. */
export function hourlyValue(variable: Variable, hour: number): number | null {
  const local = new Date(hour + seattleOffset).toISOString()
  return valueIn(normals().get(local.slice(5, 13)), variable)
}

/** The value of the day that begins at `day` (epoch milliseconds, midnight GMT), or null where the data has none. */
export function dailyValue(place: Place, variable: Variable, day: number): number | null {
  const date = new Date(day).toISOString()
  const year = 2012 + ((((Number(date.slice(0, 4)) - 2012) % 4) + 4) % 4)
  return valueIn(observations().get(`${place.name} ${year}${date.slice(4, 10)}`), variable)
}

function valueIn(record: CsvRecord | undefined, variable: Variable): number | null {
  return record === undefined || variable.column === undefined ? null : Number(record[variable.column])
}

function indexBy(records: readonly CsvRecord[], key: (record: CsvRecord) => string): ReadonlyMap<string, CsvRecord> {
  return new Map(records.map((record) => [key(record), record]))
}
