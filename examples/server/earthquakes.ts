import { crc32 } from 'node:zlib'
import { type Api, BadRequest, dayMs, json, parseGmt, type Reply } from './api.ts'
import { lazy, readDataset } from './data.ts'

/** An earthquake as GeoJSON, with the fields that the server itself reads. Times are epoch milliseconds. */
export interface Earthquake {
  readonly type: 'Feature'
  readonly id: string
  readonly properties: {
    readonly time: number
    /** When this version of the record was made: a minute or more after `time` the first one, 95 seconds to 6.7 days after it the last. */
    readonly updated: number
    readonly mag: number | null
    /** `true` where this server made the version up. */
    readonly synthetic?: true
    readonly [name: string]: unknown
  }
  readonly geometry: unknown
}

/**
 * `GET /earthquakes`, in the manner of the USGS event service (`/fdsnws/event/1/query?format=geojson`, where it is served as well).
 *
 * The data is one week of the world's earthquakes, 2018-01-31 to 2018-02-07 (`earthquakes.json`): records, times and revision times as they
 * were. The week is replayed again and again, shifted by whole weeks; its number since then is appended to the ids (`ci37868143-w1`).
 *
 * The data holds the last version of each record only. What was reported before that is made up here, the same for each event every time,
 * and marked `synthetic`: one automatic version soon after the event, with another magnitude. At its recorded `updated`, minutes to days later,
 * the real one takes its place. As there, an event so has one version at any time, and a revised one is found under its new `updated` only.
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
  return {
    events: features.map((last) => ({ first: firstReport(last), last })),
    lastUpdate: Math.max(...features.map(({ properties }) => properties.updated)),
  }
})

/** What might have been reported of an event at first: made up from its id, and before the last version of it. */
export function firstReport(last: Earthquake): Earthquake {
  const { time, updated, mag, place } = last.properties
  const drawn = crc32(last.id)
  const delayMs = Math.min(60_000 + (drawn % 240_000), Math.floor((updated - time) * 0.9))
  const error = (((drawn >>> 8) % 3) + 1) * (drawn % 2 === 0 ? 0.1 : -0.1)
  const reported = mag === null ? null : Math.round((mag + error) * 10) / 10
  const changed = { mag: reported, title: `M ${reported ?? '?'} - ${String(place)}`, status: 'automatic' }
  return { ...last, properties: { ...last.properties, ...changed, updated: time + delayMs, synthetic: true } }
}

/** Every event known at `now`, as it is then known, of the weeks that reach into the time since `from`; some of the first week may lie before it. */
function replayed(from: number, now: number): Earthquake[] {
  const { events, lastUpdate } = recorded()
  const found: Earthquake[] = []
  for (let number = Math.max(0, Math.floor((from - lastUpdate) / week)); ; number++) {
    const shift = number * week
    const known = events.flatMap(({ first, last }) => [last, first].find(isKnown(now - shift)) ?? [])
    if (known.length === 0) return found
    found.push(...known.map((event) => shifted(event, number)))
  }
}

const isKnown = (at: number) => (version: Earthquake) => version.properties.updated <= at

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
