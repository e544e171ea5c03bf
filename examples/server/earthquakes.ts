import { type Api, BadRequest, dayMs, json, parseGmt, type Reply } from './api.ts'
import { lazy, readDataset } from './data.ts'

/** An earthquake as GeoJSON, with the fields that the server itself reads. Times are epoch milliseconds. */
export interface Earthquake {
  readonly type: 'Feature'
  readonly id: string
  readonly properties: {
    readonly time: number
    /** When this record was last revised: 95 seconds to 6.7 days after `time`. */
    readonly updated: number
    readonly mag: number | null
    readonly [name: string]: unknown
  }
  readonly geometry: unknown
}

/**
 * `GET /earthquakes`, in the manner of the USGS event service (`/fdsnws/event/1/query?format=geojson`, where it is served as well).
 *
 * The data is one week of the world's earthquakes, 2018-01-31 to 2018-02-07 (`earthquakes.json`): records, times and revision times as they
 * were. The week is replayed again and again, shifted by whole weeks; its number since then is appended to the ids (`ci37868143-w1`).
 * The data holds the last revision of each event only, so an event appears at its `updated`: minutes to days after its `time`, and so late.
 *
 * As there: `updatedafter` is *inclusive* and cut to whole seconds; without `starttime` only events of the last 30 days; `limit` up to 20,000
 * and `offset` from 1; more than 20,000 matches without a limit are refused; an unknown parameter is refused; errors are plain text.
 *
 * Other than there: GeoJSON is the default format, and `orderby=updated-asc` orders by (updated, id).
 */
export const earthquakesApi: Api = {
  answer: (query, now) => {
    for (const name of query.keys()) {
      if (!parameters.includes(name)) throw new BadRequest(`Unknown parameter "${name}".`)
    }
    if ((query.get('format') ?? 'geojson') !== 'geojson') throw badValue(query, 'format', 'are: "geojson".')
    const order = query.get('orderby') ?? 'time'
    const compare = Object.hasOwn(orders, order) ? orders[order] : undefined
    if (compare === undefined) throw badValue(query, 'orderby', `are: "${Object.keys(orders).join('", "')}".`)
    const limit = integer(query, 'limit', 0, maxMatches)
    const offset = integer(query, 'offset', 1, Number.MAX_SAFE_INTEGER) ?? 1

    const updatedAfter = time(query, 'updatedafter') ?? 0
    const from = time(query, 'starttime') ?? now - 30 * dayMs
    const until = time(query, 'endtime') ?? now
    const matches = replayed(Math.max(updatedAfter, from), now).filter(
      ({ properties }) => properties.updated >= updatedAfter && properties.time >= from && properties.time <= until,
    )
    if (limit === undefined && matches.length > maxMatches) {
      throw new BadRequest(
        `${matches.length} matching events exceeds search limit of ${maxMatches}. Modify the search to match fewer events.`,
      )
    }
    const features = matches.sort(compare).slice(offset - 1, offset - 1 + (limit ?? maxMatches))
    const metadata = { generated: now, title: 'USGS Earthquakes', status: 200, api: '1.5.8', count: features.length }
    return json(200, { type: 'FeatureCollection', metadata, features })
  },
  refuse: (status, reason): Reply => ({
    status,
    headers: { 'content-type': 'text/plain' },
    body: `Error ${status}: ${status === 400 ? 'Bad Request' : reason}\n\n${reason}\n`,
  }),
}

const maxMatches = 20_000
const parameters = ['format', 'starttime', 'endtime', 'updatedafter', 'orderby', 'limit', 'offset']

type Compare = (a: Earthquake, b: Earthquake) => number

/** Earlier revision first; revised in the same millisecond, the smaller id (by code units) first. */
export const byUpdated: Compare = (a, b) => a.properties.updated - b.properties.updated || byId(a, b)
const byId: Compare = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
const byTime: Compare = (a, b) => a.properties.time - b.properties.time || byId(a, b)
const byMagnitude: Compare = (a, b) => (a.properties.mag ?? -Infinity) - (b.properties.mag ?? -Infinity) || byId(a, b)

const orders: Readonly<Record<string, Compare>> = {
  time: (a, b) => byTime(b, a),
  'time-asc': byTime,
  magnitude: (a, b) => byMagnitude(b, a),
  'magnitude-asc': byMagnitude,
  'updated-asc': byUpdated,
}

const week = 7 * dayMs

const recorded = lazy(() => {
  const { features } = JSON.parse(readDataset('earthquakes.json')) as { features: readonly Earthquake[] }
  return { features, lastUpdate: Math.max(...features.map(({ properties }) => properties.updated)) }
})

/** Every event known at `now` of the weeks that reach into the time since `from`; some of the first week may lie before it. */
function replayed(from: number, now: number): Earthquake[] {
  const { features, lastUpdate } = recorded()
  const found: Earthquake[] = []
  for (let number = Math.max(0, Math.floor((from - lastUpdate) / week)); ; number++) {
    const shift = number * week
    const known = features.filter(({ properties }) => properties.updated + shift <= now)
    if (known.length === 0) return found
    found.push(...known.map((event) => shifted(event, number)))
  }
}

function shifted(event: Earthquake, number: number): Earthquake {
  const { time, updated } = event.properties
  const properties = { ...event.properties, time: time + number * week, updated: updated + number * week }
  return { ...event, properties, id: number === 0 ? event.id : `${event.id}-w${number}` }
}

/** Whole seconds, as the USGS reads them. */
function time(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  const at = parseGmt(value.replace(/(Z|\+00:00)$/, ''))
  if (at === undefined) throw badValue(query, name, 'are ISO-8601 timestamps.')
  return Math.floor(at / 1000) * 1000
}

function integer(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  if (/^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  throw badValue(query, name, `are ${least} <= ${name} <= ${most}`)
}

function badValue(query: URLSearchParams, name: string, valid: string): BadRequest {
  return new BadRequest(`Bad ${name} value "${query.get(name)}". Valid values ${valid}`)
}
