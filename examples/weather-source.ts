import { defineDataSource, perKeyOffset, type RowOf, schema, timeOffset } from 'sluice'
import { getJson } from './http.ts'

/** A place, and the series it is read as. Its name is the key of its position: never reuse one for something else. */
export interface Station {
  readonly name: string
  readonly latitude: number
  readonly longitude: number
  readonly series: 'hourly' | 'daily'
  /** Base URL of an API in the manner of Open-Meteo. */
  readonly api: string
  /** What the numbers are. */
  readonly data: string
}

/** Of an hour: `temperature`. Of a day: `temperature_min` and `temperature_max`. Degrees Celsius, metres a second; times in UTC. */
export const observation = schema(
  'station string not null, time timestamp not null, temperature double, temperature_min double, temperature_max double, wind double, data string not null',
)
export type Observation = RowOf<typeof observation>

const hourMs = 3_600_000
const series = {
  hourly: { stepMs: hourMs, maxWindowMs: 6 * hourMs, variables: ['temperature_2m', 'wind_speed_10m'], digits: 16 },
  daily: {
    stepMs: 24 * hourMs,
    maxWindowMs: 24 * hourMs,
    variables: ['temperature_2m_min', 'temperature_2m_max', 'wind_speed_10m_mean'],
    digits: 10,
  },
} as const

export interface WeatherOptions {
  readonly stations: readonly Station[]
  /** Where a new station begins: milliseconds since 1970, midnight UTC. */
  readonly from: number
  /** What time it is where the station's data comes from, milliseconds since 1970. */
  readonly now: (station: Station) => number | Promise<number>
}

/**
 * The weather by station: each has its own position in time, and is a partition of every batch in which it has something new.
 * A batch takes six hours of an hourly series and a day of a daily one. An hour is read once it is over. Each hour, or day, is a row: so the lag is known, too.
 */
export const weather = defineDataSource({
  name: 'weather',
  schema: observation,
  streamReader: ({ stations, from, now }: WeatherOptions) => {
    const station = (key: string): Station => {
      const found = stations.find(({ name }) => name === key)
      if (found !== undefined) return found
      throw new Error(`the checkpoint knows a station ${JSON.stringify(key)}, which is not in the list any more`)
    }
    const positions = (kind: Station['series']) =>
      timeOffset({
        from,
        safetyLag: 0,
        granularity: series[kind].stepMs,
        maxWindow: series[kind].maxWindowMs,
        head: (key: string) => now(station(key)),
      })
    const bySeries = { hourly: positions('hourly'), daily: positions('daily') }
    const of = (key: string) => bySeries[station(key).series]
    return {
      ...perKeyOffset({
        keys: stations.map(({ name }) => name),
        inner: {
          ...bySeries.hourly, // order and partitions are the same for both
          initialOffset: (key) => of(key).initialOffset(key),
          latestOffset: (start, limit, key) => of(key).latestOffset(start, limit, key),
          reportLatestOffset: (key) => of(key).reportLatestOffset(key),
          distance: (from, to, key) =>
            (Date.parse(to.time) - Date.parse(from.time)) / series[station(key).series].stepMs,
        },
      }),
      async *read({ key, range }, { signal }) {
        yield await observations(station(key), Date.parse(range.from), Date.parse(range.to), signal)
      },
    }
  },
})

interface Columns {
  readonly time: readonly string[]
  readonly [variable: string]: readonly (number | string | null)[]
}

/** The rows of a station with `from` ≤ time < `to`. */
async function observations(station: Station, from: number, to: number, signal: AbortSignal): Promise<Observation[]> {
  const { stepMs, variables, digits } = series[station.series]
  const time = (ms: number) => new Date(ms).toISOString().slice(0, digits)
  const unit = station.series === 'hourly' ? 'hour' : 'date'
  const query = new URLSearchParams({
    latitude: String(station.latitude),
    longitude: String(station.longitude),
    [station.series]: variables.join(','),
    wind_speed_unit: 'ms',
    [`start_${unit}`]: time(from),
    [`end_${unit}`]: time(to - stepMs), // inclusive there
  })
  const { value } = await getJson<Record<string, Columns>>(`${station.api}/v1/forecast?${query}`, { signal })
  const columns = value[station.series]
  const expected = (to - from) / stepMs
  if (columns?.time.length !== expected) {
    throw new Error(
      `${station.name}: asked for ${expected} times, and the answer has ${columns?.time.length ?? 'none'}`,
    )
  }
  const number = (variable: string, index: number) => {
    const cell = columns[variable]?.[index]
    return typeof cell === 'number' ? cell : null
  }
  return columns.time.map((text, index) => ({
    station: station.name,
    time: new Date(digits === 10 ? text : `${text}Z`), // a date alone is read as UTC anyway
    temperature: number('temperature_2m', index),
    temperature_min: number('temperature_2m_min', index),
    temperature_max: number('temperature_2m_max', index),
    wind: number(station.series === 'hourly' ? 'wind_speed_10m' : 'wind_speed_10m_mean', index),
    data: station.data,
  }))
}
