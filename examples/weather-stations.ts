import { type ChosenApi, chooseApi } from './choose-api.ts'
import { getJson } from './http.ts'
import type { Station } from './weather-source.ts'

/** Where the weather comes from in this run. */
export interface WeatherStations extends ChosenApi {
  readonly stations: readonly Station[]
  /** What time it is at a station, milliseconds since 1970. */
  readonly now: (station: Station) => number | Promise<number>
  /** How often to look for something new, milliseconds. */
  readonly pollMs: number
}

const openMeteo = 'https://api.open-meteo.com'

const live: readonly Station[] = [
  { name: 'Berlin', latitude: 52.52437, longitude: 13.41053 },
  { name: 'Nairobi', latitude: -1.28333, longitude: 36.81667 },
  { name: 'New York', latitude: 40.71427, longitude: -74.00597 },
  { name: 'Seattle', latitude: 47.60621, longitude: -122.33207 },
  { name: 'Tokyo', latitude: 35.6895, longitude: 139.69171 },
].map((place) => ({ ...place, series: 'hourly', api: openMeteo, data: 'Open-Meteo' }))

const recorded = (api: string): readonly Station[] => [
  {
    name: 'Seattle (recorded)',
    latitude: 47.60621,
    longitude: -122.33207,
    series: 'hourly',
    api,
    data: 'normal 1981–2010',
  },
  {
    name: 'New York (recorded)',
    latitude: 40.71427,
    longitude: -74.00597,
    series: 'daily',
    api,
    data: 'observed 2012–2015',
  },
]

/** An hour of the bundled server passes in so many milliseconds. */
const hourInMs = 3_000

/** Open-Meteo where it can be reached, else the bundled server over recorded data. @param clockFile where that server's clock is kept. */
export async function weatherStations(clockFile: string): Promise<WeatherStations> {
  const api = await chooseApi({
    live: openMeteo,
    probe: '/v1/forecast?latitude=52.52&longitude=13.41&current=temperature_2m',
    instead: 'recorded weather',
    speed: 3_600_000 / hourInMs,
    clockFile,
  })
  if (api.kind === 'live') return { ...api, stations: live, now: Date.now, pollMs: 60_000 }
  const explanation = `${api.explanation}
Seattle: hourly averages of 1981–2010. New York: each day as it was observed on this date in one of the years 2012–2015.`
  const now = async () => (await getJson<{ now: number }>(`${api.url}/clock`)).value.now
  return { ...api, explanation, stations: recorded(api.url), now, pollMs: hourInMs }
}
