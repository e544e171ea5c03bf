import { type ChosenApi, chooseApi } from './choose-api.ts'
import { getJson } from './http.ts'

/** What is read of an answer of the USGS event service (GeoJSON). Times are milliseconds since 1970. */
export interface Earthquakes {
  readonly metadata: {
    /** When the answer was made. */
    readonly generated: number
  }
  readonly features: readonly Earthquake[]
}

/** The version of a record that is there now. */
export interface Earthquake {
  readonly id: string
  readonly properties: {
    readonly time: number
    /** When this version was made. */
    readonly updated: number
    readonly mag: number | null
    readonly place: string | null
    readonly status: string
    /** Set by the bundled server where it made the version up. */
    readonly synthetic?: true
  }
}

export interface EarthquakesApi extends ChosenApi {
  /** What time it is there, milliseconds since 1970. */
  readonly now: () => Promise<number>
}

/** The USGS event service where it can be reached, else the bundled server. @param clockFile where that server's clock is kept. */
export async function earthquakesApi(clockFile: string): Promise<EarthquakesApi> {
  const path = '/fdsnws/event/1/query'
  const api = await chooseApi({
    live: 'https://earthquake.usgs.gov',
    probe: `${path}?format=geojson&limit=1`,
    instead: 'recorded earthquakes',
    speed: 1_200,
    clockFile,
  })
  const url = `${api.url}${path}`
  const now = async () => (await getJson<Earthquakes>(`${url}?format=geojson&limit=1`)).value.metadata.generated
  if (api.kind === 'live') return { ...api, url, now }
  const explanation = `${api.explanation}
A week of 2018 happens again and again there. What was reported of each earthquake at first is made up: it is marked as synthetic.`
  return { ...api, url, now, explanation }
}
