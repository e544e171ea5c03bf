import { forwardClock } from './forward-clock.ts'
import { answers, getJson } from './http.ts'
import { startServer } from './server/server.ts'
import type { Station } from './weather-source.ts'

/** Where the weather comes from in this run. */
export interface WeatherStations {
  readonly stations: readonly Station[]
  /** What time it is at a station, milliseconds since 1970. */
  readonly now: (station: Station) => number | Promise<number>
  /** For the user. */
  readonly explanation: string
  /** How often to look for something new, milliseconds. */
  readonly pollMs: number
  readonly close: () => Promise<void>
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

export interface StationOptions {
  /** Base URL of a running example server. @default none: Open-Meteo, else a server of our own */
  readonly api?: string | undefined
  /** Don't try the Internet. */
  readonly offline: boolean
  /** Where the clock of our own server is kept. */
  readonly clockFile: string
}

/** Open-Meteo where it can be reached, else the bundled server over recorded data. */
export async function weatherStations({ api, offline, clockFile }: StationOptions): Promise<WeatherStations> {
  const close = async () => {}
  if (api !== undefined) return { ...served(api), explanation: `Reading from ${api}.`, close }
  if (!offline && (await answers(`${openMeteo}/v1/forecast?latitude=52.52&longitude=13.41&current=temperature_2m`))) {
    const explanation = `Reading ${live.length} stations from ${openMeteo}.`
    return { stations: live, now: Date.now, explanation, pollMs: 60_000, close }
  }
  const server = await startServer({ now: forwardClock(clockFile, 3_600_000 / hourInMs) })
  const explanation = `${offline ? 'Asked to stay offline' : `No answer from ${openMeteo}`}: reading recorded weather from a server on this machine
(${server.url}), where an hour takes ${hourInMs / 1000} seconds and one request in 25 goes wrong. Seattle: hourly averages of 1981–2010;
New York: what was observed on this date in one of the years 2012–2015.`
  return { ...served(server.url), explanation, close: server.close }
}

function served(api: string): Pick<WeatherStations, 'stations' | 'now' | 'pollMs'> {
  const now = async () => (await getJson<{ now: number }>(`${api}/clock`)).value.now
  return { stations: recorded(api), now, pollMs: hourInMs }
}
