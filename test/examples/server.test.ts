import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { dayMs, hourMs, parseGmt } from '../../examples/server/api.ts'
import { replayClock } from '../../examples/server/clock.ts'
import { parseCsv } from '../../examples/server/data.ts'
import { byUpdated, type Earthquake, firstReport } from '../../examples/server/earthquakes.ts'
import { type FaultOptions, faultKinds, plannedFaults } from '../../examples/server/faults.ts'
import { type ExampleServer, type ServerOptions, startServer } from '../../examples/server/server.ts'
import { firstStrike, maxPage } from '../../examples/server/strikes.ts'

const noon = Date.parse('2026-11-21T12:20:00Z')
const running: ExampleServer[] = []

async function start(options: ServerOptions = {}): Promise<ExampleServer> {
  const server = await startServer({ now: () => noon, faults: false, requestsPerMinute: Infinity, ...options })
  running.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

interface Section {
  readonly time: readonly string[]
  readonly [variable: string]: readonly (number | string | null)[]
}

async function get<T>(server: ExampleServer, path: string): Promise<T> {
  const response = await fetch(server.url + path)
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

async function hourly(server: ExampleServer, from: string, to: string, variables = 'temperature_2m'): Promise<Section> {
  const path = `/v1/forecast?latitude=47.61&longitude=-122.33&hourly=${variables}&start_hour=${from}&end_hour=${to}`
  return (await get<{ hourly: Section }>(server, path)).hourly
}

async function daily(server: ExampleServer, where: string, from: string, to: string, variables: string) {
  const path = `/v1/forecast?${where}&daily=${variables}&start_date=${from}&end_date=${to}`
  return (await get<{ daily: Section }>(server, path)).daily
}

const seattle = 'latitude=47.61&longitude=-122.33'
const newYork = 'latitude=40.71&longitude=-74.01'
const hourText = (at: number) => new Date(at).toISOString().slice(0, 16)

describe('parseCsv', () => {
  test('reads quoted fields with commas, quotes and line breaks, and both line ends', () => {
    expect(parseCsv('a,b\r\n"1,2","say ""x"""\n"l1\r\nl2",\n')).toEqual([
      { a: '1,2', b: 'say "x"' },
      { a: 'l1\r\nl2', b: '' },
    ])
  })

  test('gives back what was written, whatever the fields hold', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é') })
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (records, end) => {
        const text = [['x', 'y'], ...records].map((record) => record.map(quote).join(',') + end).join('')
        // A last record of nothing but empty fields can't be told from the end of the file.
        fc.pre(records.at(-1)?.join('') !== '')
        expect(parseCsv(text)).toEqual(records.map(([x, y]) => ({ x, y })))
      }),
      { numRuns: 200 },
    )
  })

  test('refuses a record with a field too few or too many', () => {
    expect(() => parseCsv('a,b\n1,2\n3\n')).toThrow('record 2 has 1 fields, and there are 2 names')
    expect(() => parseCsv('a,b\n1,2,3')).toThrow('record 1 has 3 fields')
  })
})

describe('parseGmt', () => {
  test('reads GMT whatever the zone of this machine, and refuses what is no date', () => {
    expect(parseGmt('2026-11-21')).toBe(Date.UTC(2026, 10, 21))
    expect(parseGmt('2026-11-21T05:30')).toBe(Date.UTC(2026, 10, 21, 5, 30))
    for (const text of [
      '',
      'yesterday',
      '2026-02-30',
      '2026-13-01',
      '2026-11-21T25:00',
      '2026-11-21T05',
      '1795226400',
    ]) {
      expect(parseGmt(text), text).toBeUndefined()
    }
  })
})

describe('the clock', () => {
  test('runs faster than its source from the start on', () => {
    let at = 1_000
    const clock = replayClock(() => at, 3600)
    expect(clock.now()).toBe(1_000)
    at += 1_000
    expect(clock.now()).toBe(1_000 + hourMs)
  })

  test.each([0, -1, Number.NaN, Infinity])('refuses a speed of %s', async (speed) => {
    await expect(startServer({ speed })).rejects.toThrow(RangeError)
  })

  test('is told under /clock, which never fails and is not counted', async () => {
    let at = noon
    const server = await start({ now: () => at, speed: 60, faults: { rate: 1, kinds: ['serverError'] } })
    at += 60_000
    const time = new Date(noon + hourMs).toISOString()
    expect(await get(server, '/clock')).toEqual({ now: noon + hourMs, time, speed: 60 })
    expect(server.now()).toBe(noon + hourMs)
    expect(server.stats.requests).toBe(0)
  })
})

describe('/v1/forecast, hourly', () => {
  test('has the shape of Open-Meteo and the values of the data', async () => {
    const server = await start()
    const answer = await get<Record<string, unknown>>(
      server,
      `/v1/forecast?${seattle}&hourly=temperature_2m,pressure_msl,wind_speed_10m&start_hour=2026-11-20T00:00&end_hour=2026-11-20T08:00&timezone=GMT`,
    )
    expect(Object.keys(answer)).toEqual([
      ...['latitude', 'longitude', 'generationtime_ms', 'utc_offset_seconds', 'timezone', 'timezone_abbreviation'],
      ...['elevation', 'hourly_units', 'hourly'],
    ])
    expect(answer).toMatchObject({
      latitude: 47.60621,
      longitude: -122.33207,
      utc_offset_seconds: 0,
      timezone: 'GMT',
      timezone_abbreviation: 'GMT',
      hourly_units: { time: 'iso8601', temperature_2m: '°C', pressure_msl: 'hPa', wind_speed_10m: 'km/h' },
    })
    const { time, temperature_2m, pressure_msl, wind_speed_10m } = answer.hourly as Section
    expect([time[0], time.at(-1)]).toEqual(['2026-11-20T00:00', '2026-11-20T08:00'])
    for (const column of [time, temperature_2m, pressure_msl, wind_speed_10m]) expect(column).toHaveLength(9)
    // 00:00 and 08:00 GMT are 16:00 of the day before and 00:00 in Seattle's standard time: 8.1, 1016.0, 4.1 and 6.3, 1015.7, 4.1.
    expect([temperature_2m?.[0], pressure_msl?.[0], wind_speed_10m?.[0]]).toEqual([8.1, 1016, 14.8])
    expect([temperature_2m?.[8], pressure_msl?.[8], wind_speed_10m?.[8]]).toEqual([6.3, 1015.7, 14.8])
  })

  test('gives the wind in m/s on request, as the data has it', async () => {
    const path = `/v1/forecast?${seattle}&hourly=wind_speed_10m&start_hour=2026-11-20T08:00&end_hour=2026-11-20T08:00&wind_speed_unit=ms`
    expect(await get(await start(), path)).toMatchObject({
      hourly_units: { wind_speed_10m: 'm/s' },
      hourly: { wind_speed_10m: [4.1] },
    })
  })

  test('includes the last hour: ranges tile only when the next begins an hour later', async () => {
    const server = await start()
    const at = (index: number) => hourText(noon - 20 * dayMs + index * hourMs - (noon % hourMs))
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), fc.nat(30), async (a, b, c) => {
        const [from, cut, to] = [a, a + b, a + b + 1 + c]
        const first = await hourly(server, at(from), at(cut))
        const second = await hourly(server, at(cut + 1), at(to))
        expect([...first.time, ...second.time]).toEqual((await hourly(server, at(from), at(to))).time)
        expect(first.time).toHaveLength(b + 1)
      }),
      { numRuns: 20 },
    )
  })

  test('answers the same for the same hour: asked twice, of another server, later, a year later', async () => {
    const asked = ['2026-10-01T00:00', '2026-11-21T11:00'] as const
    const first = await hourly(await start(), ...asked)
    const server = await start({ now: () => noon + 20 * dayMs, speed: 7 })
    expect(await hourly(server, ...asked)).toEqual(first)
    expect(await hourly(server, ...asked)).toEqual(first)
    const nextYear = await start({ now: () => noon + 365 * dayMs })
    const again = await hourly(nextYear, '2027-10-01T00:00', '2027-11-21T11:00')
    expect(again.temperature_2m).toEqual(first.temperature_2m)
    expect(new Set(first.temperature_2m).size).toBeGreaterThan(20)
  })

  test('holds back the future: a value is there from its full hour on, and not a millisecond earlier', async () => {
    let at = noon
    const server = await start({ now: () => at })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -12 * hourMs, max: 12 * hourMs }), async (shift) => {
        at = noon + shift
        const { time, temperature_2m } = await hourly(
          server,
          hourText(noon - dayMs - 20 * 60_000),
          hourText(noon + dayMs - 20 * 60_000),
        )
        expect(temperature_2m?.map((value) => value !== null)).toEqual(time.map((text) => Date.parse(`${text}Z`) <= at))
      }),
      { numRuns: 30, examples: [[-20 * 60_000], [-20 * 60_000 - 1]] },
    )
  })

  test('leaves the hours empty that the normals lack', async () => {
    const server = await start({ now: () => Date.UTC(2028, 2, 2) })
    expect((await hourly(server, '2028-01-01T07:00', '2028-01-01T09:00')).temperature_2m).toEqual([4.3, null, 4])
    const leapDay = await hourly(server, '2028-02-29T07:00', '2028-03-01T08:00')
    expect(leapDay.temperature_2m?.map((value) => value === null)).toEqual([false, ...Array(24).fill(true), false])
  })

  test('gives as current the last full hour as it was, not a value between two', async () => {
    const server = await start()
    const last = await hourly(server, '2026-11-21T12:00', '2026-11-21T12:00')
    expect(await get(server, `/v1/forecast?${seattle}&current=temperature_2m`)).toMatchObject({
      current_units: { time: 'iso8601', interval: 'seconds', temperature_2m: '°C' },
      current: { time: '2026-11-21T12:00', interval: 3600, temperature_2m: last.temperature_2m?.[0] },
    })
  })

  test('answers today and six days without a range, and past_days before', async () => {
    const server = await start()
    const plain = await get<{ hourly: Section }>(server, `/v1/forecast?${seattle}&hourly=temperature_2m`)
    expect([plain.hourly.time[0], plain.hourly.time.at(-1)]).toEqual(['2026-11-21T00:00', '2026-11-27T23:00'])
    const past = await get<{ hourly: Section }>(
      server,
      `/v1/forecast?${seattle}&hourly=temperature_2m&past_days=2&forecast_days=1`,
    )
    expect([past.hourly.time[0], past.hourly.time.at(-1)]).toEqual(['2026-11-19T00:00', '2026-11-21T23:00'])
    expect(server.stats.pastEnd).toEqual({})
  })

  test('counts who asks past the last full hour', async () => {
    const server = await start()
    await hourly(server, '2026-11-21T10:00', '2026-11-21T12:00')
    expect(server.stats.pastEnd).toEqual({})
    await hourly(server, '2026-11-21T10:00', '2026-11-21T13:00')
    expect(server.stats.pastEnd).toEqual({ '/v1/forecast': 1 })
  })
})

describe('/v1/forecast, daily', () => {
  const asked = 'temperature_2m_max,temperature_2m_min,precipitation_sum,wind_speed_10m_mean'

  test('answers two cities with what was observed there, as an array', async () => {
    const path = `/v1/forecast?latitude=47.61,40.71&longitude=-122.33,-74.01&daily=${asked}&start_date=2026-11-20&end_date=2026-11-20&wind_speed_unit=ms`
    const [first, second, ...rest] = await get<{ daily: Section; location_id?: number }[]>(await start(), path)
    expect(rest).toEqual([])
    const day = (max: number, min: number, rain: number, wind: number) => ({
      time: ['2026-11-20'],
      temperature_2m_max: [max],
      temperature_2m_min: [min],
      precipitation_sum: [rain],
      wind_speed_10m_mean: [wind],
    })
    expect(first?.daily).toEqual(day(11.1, 5.6, 3.6, 2.1))
    expect(second?.daily).toEqual(day(8.9, 0, 0, 7.4))
    expect([first?.location_id, second?.location_id]).toEqual([undefined, 1])
  })

  test('holds a day back until it is over', async () => {
    let at = Date.parse('2026-11-21T00:00:00Z')
    const server = await start({ now: () => at })
    const max = async () =>
      (await daily(server, newYork, '2026-11-19', '2026-11-21', 'temperature_2m_max')).temperature_2m_max
    expect((await max())?.map((value) => value !== null)).toEqual([true, true, false])
    at -= 1
    expect((await max())?.map((value) => value !== null)).toEqual([true, false, false])
  })

  test('repeats every four years, February 29 included', async () => {
    const server = await start({ now: () => Date.UTC(2028, 2, 2) })
    const leapDay = await daily(server, seattle, '2028-02-28', '2028-03-01', 'temperature_2m_max,precipitation_sum')
    expect(leapDay.time).toEqual(['2028-02-28', '2028-02-29', '2028-03-01'])
    expect([leapDay.temperature_2m_max?.[1], leapDay.precipitation_sum?.[1]]).toEqual([5, 0.8])
    const later = await start({ now: () => Date.UTC(2032, 2, 2) })
    const again = await daily(later, seattle, '2032-02-28', '2032-03-01', 'temperature_2m_max')
    expect(again.temperature_2m_max).toEqual(leapDay.temperature_2m_max)
  })
})

describe('/v1/forecast refuses', () => {
  const hours = 'start_hour=2026-11-20T00:00&end_hour=2026-11-20T01:00'
  test.each([
    ['no place', `hourly=temperature_2m`, "Parameter 'latitude' and 'longitude' must not be empty"],
    [
      'half a place',
      `latitude=47,40&longitude=-122`,
      "Parameter 'latitude' and 'longitude' must have the same number of elements",
    ],
    ['no latitude', `latitude=91&longitude=0`, 'Latitude must be in range of -90 to 90°. Given: 91.'],
    ['a place without data', `latitude=0&longitude=0&hourly=temperature_2m`, 'No data is available for this location'],
    [
      'hours of a place with days only',
      `${newYork}&hourly=temperature_2m&${hours}`,
      'No data is available for this location',
    ],
    ['a variable the data lacks', `${seattle}&hourly=dew_point_2m&${hours}`, 'from invalid String value dew_point_2m'],
    ['an inherited name', `${seattle}&hourly=constructor&${hours}`, 'from invalid String value constructor'],
    [
      'an end before the start',
      `${seattle}&start_hour=2026-11-20T01:00&end_hour=2026-11-20T00:00`,
      'End-date must be larger or equals than start-date',
    ],
    ['a start alone', `${seattle}&start_hour=2026-11-20T01:00`, 'must have the same number of elements'],
    [
      'no date',
      `${seattle}&start_date=20.11.2026&end_date=2026-11-20`,
      "Invalid date format. Make sure to use 'YYYY-MM-DD'",
    ],
    [
      '94 days back',
      `${seattle}&start_date=2026-08-19&end_date=2026-11-20`,
      "Parameter 'start_date' is out of allowed range from 2026-08-20 to 2026-12-06",
    ],
    [
      '16 days ahead',
      `${seattle}&start_date=2026-11-20&end_date=2026-12-07`,
      "Parameter 'end_date' is out of allowed range from 2026-08-20 to 2026-12-06",
    ],
    ['a range and past days', `${seattle}&past_days=1&${hours}`, "Parameter 'past_days' is mutually exclusive"],
    ['too many past days', `${seattle}&past_days=94`, 'Past days is invalid. Allowed range 0 to 93. Given 94.'],
    [
      'half an hour',
      `${seattle}&start_hour=2026-11-20T00:30&end_hour=2026-11-20T01:00`,
      "Parameter 'start_hour' must be a full hour",
    ],
    ['another zone', `${seattle}&timezone=Europe/Berlin`, 'Invalid timezone'],
    ['another wind unit', `${seattle}&wind_speed_unit=kn`, "Parameter 'wind_speed_unit' must be kmh or ms"],
    ['what it would ignore', `${seattle}&temperature_unit=fahrenheit`, "Parameter 'temperature_unit' is not offered"],
  ])('%s', async (_, query, reason) => {
    const server = await start()
    const response = await fetch(`${server.url}/v1/forecast?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: true, reason: expect.stringContaining(reason) })
    expect(server.stats.byPath).toEqual({ '/v1/forecast': { 400: 1 } })
  })

  test('more requests in a minute than allowed, until the next minute begins', async () => {
    let at = noon
    const server = await start({ now: () => at, requestsPerMinute: 2 })
    const ask = () => fetch(`${server.url}/v1/forecast?${seattle}`)
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBeNull()
    const reason = 'Minutely API request limit exceeded. Please try again in one minute.'
    expect(await refused.json()).toEqual({ error: true, reason })
    expect((await fetch(`${server.url}/strikes`)).status).toBe(200)
    at += 60_000
    expect((await ask()).status).toBe(200)
  })
})

describe('/strikes', () => {
  interface Row {
    readonly id: number
    readonly [name: string]: unknown
  }
  const hour = (rows: number) => firstStrike + (rows - 1) * hourMs

  async function page(server: ExampleServer, query = '') {
    const response = await fetch(`${server.url}/strikes${query}`)
    return { rows: (await response.json()) as Row[], total: Number(response.headers.get('x-total-count')) }
  }

  test('are the records of the file, as they are, under an id', async () => {
    const server = await start()
    const { rows } = await page(server, '?_start=499&_limit=2')
    expect(rows.map((row) => row.id)).toEqual([500, 501])
    expect(rows[1]).toEqual({
      id: 501,
      'Airport Name': 'LIHUE ARPT',
      'Aircraft Make Model': 'B-737-300',
      'Effect Amount of damage': 'Substantial',
      'Flight Date': '1991-03-07',
      'Aircraft Airline Operator': 'ALOHA AIRLINES',
      'Origin State': 'Hawaii',
      'Phase of flight': 'Take-off run',
      'Wildlife Size': 'Small',
      'Wildlife Species': 'Zebra dove',
      'Time of day': 'Day',
      'Cost Other': 0,
      'Cost Repair': 0,
      'Cost Total $': 0,
      'Speed IAS in knots': 117,
    })
    // An empty field is no zero.
    expect(rows[0]).toMatchObject({ 'Airport Name': 'NEWARK LIBERTY INTL ARPT', 'Speed IAS in knots': null })
  })

  test('grow by one an hour of the clock', async () => {
    let at = hour(1) - 1
    const server = await start({ now: () => at })
    expect(await page(server)).toEqual({ rows: [], total: 0 })
    at = hour(1)
    expect((await page(server)).rows.map((row) => row.id)).toEqual([1])
    at = hour(3) - 1
    expect((await page(server)).total).toBe(2)
    at = hour(3)
    expect(await page(server, '?_start=2&_limit=5')).toMatchObject({ rows: [{ id: 3 }], total: 3 })
    expect(server.strikes.count()).toBe(3)
  })

  test('begin again after the last record, under new ids', async () => {
    const server = await start({ now: () => hour(10_002) })
    const [first] = (await page(server, '?_start=0&_limit=1')).rows
    const [last, again] = (await page(server, '?_start=9999&_limit=2')).rows
    expect(last).toMatchObject({ id: 10_000, 'Airport Name': 'GREATER PITTSBURGH', 'Flight Date': '2002-07-25' })
    expect(again).toEqual({ ...first, id: 10_001 })
  })

  test('come in pages that tile, none larger than the cap', async () => {
    const server = await start({ now: () => hour(260) })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 30, max: 400 }), async (limit) => {
        const ids: number[] = []
        for (let rows: Row[] = [{ id: 0 }]; rows.length > 0; ids.push(...rows.map((row) => row.id))) {
          rows = (await page(server, `?_start=${ids.length}&_limit=${limit}`)).rows
          expect(rows.length).toBeLessThanOrEqual(Math.min(limit, maxPage))
        }
        expect(ids).toEqual(Array.from({ length: 260 }, (_, index) => index + 1))
      }),
      { numRuns: 10 },
    )
  })

  test('can be added and taken away by a test', async () => {
    const server = await start({ now: () => hour(2) })
    server.strikes.add(3)
    expect((await page(server)).rows.map((row) => row.id)).toEqual([1, 2, 3, 4, 5])
    server.strikes.add(-4)
    expect((await page(server)).total).toBe(1)
    expect(() => server.strikes.add(0.5)).toThrow(RangeError)
  })

  test('count who asks past the end', async () => {
    const server = await start({ now: () => hour(10) })
    await page(server, '?_start=0&_limit=10')
    expect(server.stats.pastEnd).toEqual({})
    await page(server, '?_start=1&_limit=10')
    expect(server.stats.pastEnd).toEqual({ '/strikes': 1 })
  })

  test.each(['_start=-1', '_limit=ten', '_limit=1.5', '_start=', '_page=2'])('refuse %s', async (query) => {
    const response = await fetch(`${(await start()).url}/strikes?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: expect.stringContaining(query.split('=')[0] as string) })
  })
})

describe('/earthquakes', () => {
  interface Collection {
    readonly type: string
    readonly metadata: { readonly count: number; readonly generated: number }
    readonly features: readonly Earthquake[]
  }
  const ask = (server: ExampleServer, query: string) => get<Collection>(server, `/earthquakes?${query}`)
  const week = 7 * dayMs
  /** Every record has its last version by then, and the next week hasn't begun. */
  const recorded = Date.parse('2018-02-07T01:46:00Z')

  test('are GeoJSON as the USGS gives it, under its path too', async () => {
    const server = await start({ now: () => recorded })
    const answer = await ask(server, 'limit=2')
    expect(answer).toMatchObject({
      type: 'FeatureCollection',
      metadata: { count: 2, generated: recorded, status: 200 },
    })
    expect(answer.features[0]).toMatchObject({
      type: 'Feature',
      id: 'ci37868143',
      properties: { mag: 2, place: '4km W of Castaic, CA', time: 1517966773840, updated: 1517966996303 },
      geometry: { type: 'Point', coordinates: [-118.6671667, 34.4945, 26.49] },
    })
    expect(await get(server, '/fdsnws/event/1/query?format=geojson&limit=2')).toEqual(answer)
    expect((await ask(server, '')).features).toHaveLength(1707)
  })

  test('appear soon after they happened, made up and marked so, and are replaced by the record when it was revised', async () => {
    // nc72962521 happened on February 1 and was revised on February 7, 5.4 days later.
    const [time, updated] = [1517500850510, 1517967002853]
    let at = time + 59_000
    const server = await start({ now: () => at })
    const find = async () => (await ask(server, 'orderby=updated-asc')).features.filter(({ id }) => id === 'nc72962521')
    expect(await find()).toEqual([])
    at = time + 300_000
    const [first, ...others] = await find()
    expect(others).toEqual([])
    expect(first?.properties).toMatchObject({ time, status: 'automatic', synthetic: true })
    at = updated - 1
    expect(await find()).toEqual([first])
    at = first!.properties.updated - 1
    expect(await find()).toEqual([])
    at = updated
    const [last, ...more] = await find()
    expect(more).toEqual([])
    expect(last?.properties).toMatchObject({ time, updated, status: 'reviewed' })
    expect(last?.properties).not.toHaveProperty('synthetic')
    expect(last?.properties.mag).not.toBe(first?.properties.mag)
  })

  test('are first reported before their record was revised, in another magnitude, and the same every time', async () => {
    const { features } = await ask(await start({ now: () => recorded }), '')
    for (const last of features) {
      const first = firstReport(last)
      expect(first.properties.updated - first.properties.time).toBeGreaterThanOrEqual(60_000)
      expect(first.properties.updated).toBeLessThan(last.properties.updated)
      expect(first.properties.mag === last.properties.mag).toBe(last.properties.mag === null)
      expect(firstReport(last)).toEqual(first)
    }
  })

  test('never show anything of the future, and always something new', async () => {
    let at = noon
    const server = await start({ now: () => at })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 10 * week }), async (shift) => {
        at = noon + shift
        const { features } = await ask(server, 'orderby=updated-asc')
        expect(Math.max(...features.map(({ properties }) => properties.updated))).toBeLessThanOrEqual(at)
        const since = new Date(at - dayMs).toISOString()
        const { features: fresh } = await ask(server, `updatedafter=${since}`)
        expect(fresh.length).toBeGreaterThan(0)
      }),
      { numRuns: 15 },
    )
  })

  test('come again every week, shifted and under new ids', async () => {
    const window = (from: number) =>
      `starttime=${new Date(from).toISOString()}&endtime=${new Date(from + 6 * dayMs - hourMs).toISOString()}`
    const server = await start({ now: () => recorded + 2 * week })
    const first = (await ask(server, window(recorded - 6 * dayMs))).features
    const second = (await ask(server, window(recorded + week - 6 * dayMs))).features
    expect(second.map(({ properties }) => properties.time)).toEqual(
      first.map(({ properties }) => properties.time + week),
    )
    expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => `${id}-w1`))
    expect(second.map(({ geometry }) => geometry)).toEqual(first.map(({ geometry }) => geometry))
  })

  test('are filtered by updatedafter inclusively and by whole seconds, as the USGS does', async () => {
    const server = await start({ now: () => recorded })
    // Two events were revised in the second 1517936516.
    const since = async (at: number) =>
      (await ask(server, `updatedafter=${new Date(at).toISOString()}&orderby=updated-asc`)).features
        .slice(0, 2)
        .map(({ properties }) => Math.floor(properties.updated / 1000))
    expect(await since(1517936516_000)).toEqual([1517936516, 1517936516])
    expect(await since(1517936516_999)).toEqual([1517936516, 1517936516])
    expect((await since(1517936517_000))[0]).toBeGreaterThan(1517936516)
    // uu60266852 was revised at 1517845746000, on the second.
    expect((await since(1517845746_000))[0]).toBe(1517845746)
  })

  test('can be read page by page in the order (updated, id), each exactly once', async () => {
    const server = await start()
    const start30 = `starttime=${new Date(noon - 10 * dayMs).toISOString()}`
    const all = (await ask(server, `${start30}&orderby=updated-asc`)).features
    const seen: string[] = []
    let [second, atSecond] = ['2026-01-01T00:00:00', 0]
    for (;;) {
      const { features } = await ask(
        server,
        `${start30}&orderby=updated-asc&updatedafter=${second}&offset=${atSecond + 1}&limit=400`,
      )
      if (features.length === 0) break
      seen.push(...features.map(({ id }) => id))
      const last = new Date(features.at(-1)!.properties.updated).toISOString().slice(0, 19)
      const ofLast = features.filter(({ properties }) =>
        new Date(properties.updated).toISOString().startsWith(last),
      ).length
      ;[second, atSecond] = last === second ? [second, atSecond + ofLast] : [last, ofLast]
    }
    expect(seen).toEqual(all.map(({ id }) => id))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(1707)
  })

  test('made in the same millisecond come in the order of their ids', () => {
    const event = (id: string, updated: number) => ({ id, properties: { updated } }) as Earthquake
    const sorted = [event('b', 2), event('c', 1), event('a', 2), event('B', 2)].sort(byUpdated)
    expect(sorted.map(({ id }) => id)).toEqual(['c', 'B', 'a', 'b'])
  })

  test.each([
    ['time', (a: Earthquake, b: Earthquake) => a.properties.time >= b.properties.time],
    ['time-asc', (a: Earthquake, b: Earthquake) => a.properties.time <= b.properties.time],
    ['magnitude', (a: Earthquake, b: Earthquake) => a.properties.mag! >= b.properties.mag!],
    ['magnitude-asc', (a: Earthquake, b: Earthquake) => a.properties.mag! <= b.properties.mag!],
    ['updated-asc', (a: Earthquake, b: Earthquake) => a.properties.updated <= b.properties.updated],
  ])('are ordered by %s', async (order, inOrder) => {
    const { features } = await ask(await start({ now: () => recorded }), `orderby=${order}`)
    expect(features.slice(1).every((event, index) => inOrder(features[index]!, event))).toBe(true)
  })

  test.each([
    ['limit=20001', 'Bad limit value "20001". Valid values are 0 <= limit <= 20000'],
    ['limit=-1', 'Bad limit value "-1"'],
    ['offset=0', 'Bad offset value "0". Valid values are 1 <= offset'],
    ['orderby=updated', 'Bad orderby value "updated". Valid values are: "time", "time-asc"'],
    ['updatedafter=soon', 'Bad updatedafter value "soon". Valid values are ISO-8601 timestamps.'],
    ['format=csv', 'Bad format value "csv"'],
    ['minmagnitude=2', 'Unknown parameter "minmagnitude".'],
    ['starttime=2026-01-01', 'matching events exceeds search limit of 20000. Modify the search to match fewer events.'],
  ])('refuse %s in plain text', async (query, reason) => {
    const response = await fetch(`${(await start()).url}/earthquakes?${query}`)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('text/plain')
    const text = await response.text()
    expect(text).toMatch(/^Error 400: Bad Request\n\n/)
    expect(text).toContain(reason)
  })
})

describe('faults', () => {
  const drawn = (options: FaultOptions, count: number) =>
    Array.from({ length: count }, (_, number) => plannedFaults(options).of(number))

  test('come at their rate, each kind alike', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(0.04, 0.3), (seed, rate) => {
        const faults = drawn({ seed, rate }, 10_000)
        for (const kind of faultKinds) {
          const share = faults.filter((fault) => fault === kind).length / 10_000
          // Five standard deviations of a binomial share.
          expect(Math.abs(share - rate / 4)).toBeLessThan(5 * Math.sqrt(rate / 4 / 10_000))
        }
      }),
      { numRuns: 30 },
    )
  })

  test('happen now and then by default', () => {
    const count = drawn({}, 1000).filter((fault) => fault !== undefined).length
    expect(count).toBeGreaterThan(20)
    expect(count).toBeLessThan(70)
  })

  test('never come at rate 0, and always at rate 1', () => {
    expect(drawn({ rate: 0 }, 1000)).toEqual(Array(1000).fill(undefined))
    expect(drawn({ rate: 1 }, 1000)).not.toContain(undefined)
    expect(new Set(drawn({ rate: 1, kinds: ['reset'] }, 1000))).toEqual(new Set(['reset']))
  })

  test('depend on the seed and on how many requests came before', async () => {
    const outcome = async (seed: number) => {
      const server = await start({ faults: { seed, rate: 0.5, kinds: ['serverError', 'tooManyRequests'] } })
      const statuses: number[] = []
      for (let request = 0; request < 30; request++)
        statuses.push((await fetch(`${server.url}/strikes?_limit=1`)).status)
      return statuses
    }
    const first = await outcome(7)
    expect(await outcome(7)).toEqual(first)
    expect(await outcome(8)).not.toEqual(first)
    expect(new Set(first)).toEqual(new Set([200, 429, 500]))
  })

  test.each([
    ['/v1/forecast', { error: true, reason: 'Too Many Requests' }],
    ['/strikes', { error: 'Too Many Requests' }],
  ])('429 at %s says when to come again, in the words of the API', async (path, body) => {
    const server = await start({ faults: { rate: 1, kinds: ['tooManyRequests'], retryAfterSeconds: 3 } })
    const response = await fetch(`${server.url}${path}?${seattle}`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3'])
    expect(await response.json()).toEqual(body)
    expect(server.stats).toMatchObject({ faults: { tooManyRequests: 1 }, byPath: { [path]: { 429: 1 } } })
  })

  test('a reset cuts the answer in the middle', async () => {
    const server = await start({ faults: { rate: 1, kinds: ['reset'] } })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8').on('data', (text) => {
      received += text
    })
    const failed = once(socket, 'close').catch((error: unknown) => error)
    socket.write('GET /strikes?_limit=100 HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(await failed).toMatchObject({ code: 'ECONNRESET' })
    const [head = '', body = ''] = received.split('\r\n\r\n')
    expect(head).toContain('200 OK')
    expect(body.length).toBeLessThan(Number(/content-length: (\d+)/.exec(head)?.[1]))
    await expect(fetch(`${server.url}/strikes`).then((response) => response.text())).rejects.toThrow()
    expect(server.stats.faults).toEqual({ reset: 2 })
  })

  test('a slow answer comes late, but whole', async () => {
    const server = await start({ faults: { rate: 1, kinds: ['slow'], slowMs: 5 } })
    expect(await (await fetch(`${server.url}/strikes?_limit=2`)).json()).toHaveLength(2)
    expect(server.stats.faults).toEqual({ slow: 1 })
  })

  test.each([
    { rate: 1.1 },
    { rate: Number.NaN },
    { seed: 0.5 },
    { kinds: [] },
    { slowMs: -1 },
    { retryAfterSeconds: 0.5 },
  ] satisfies FaultOptions[])('refuses %o', async (faults) => {
    await expect(startServer({ faults })).rejects.toThrow(RangeError)
  })
})

describe('the server', () => {
  test('answers 404 for other paths and 405 for other methods', async () => {
    const server = await start()
    const missing = await fetch(`${server.url}/comments`)
    expect([missing.status, await missing.json()]).toEqual([404, {}])
    expect((await fetch(`${server.url}/strikes`, { method: 'POST', body: '{}' })).status).toBe(405)
    expect(server.stats.byPath).toEqual({ '/comments': { 404: 1 }, '/strikes': { 405: 1 } })
  })

  test('counts the requests under way and the most at once', async () => {
    const server = await start({ faults: { rate: 1, kinds: ['slow'], slowMs: 3_600_000 } })
    const left = new AbortController()
    const asked = [1, 2, 3].map(() => fetch(`${server.url}/strikes`, { signal: left.signal }).catch(() => 'left'))
    await vi.waitFor(() => expect(server.stats.inFlight).toBe(3))
    left.abort()
    expect(await Promise.all(asked)).toEqual(['left', 'left', 'left'])
    await vi.waitFor(() => expect(server.stats.inFlight).toBe(0))
    expect(server.stats).toMatchObject({ requests: 3, maxInFlight: 3, byPath: {} })
  })

  test('listens on the loopback only, and rejects when the port is taken', async () => {
    const server = await start()
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect(startServer({ port: Number(new URL(server.url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('closes at once, with idle connections and slow answers under way, and leaves no socket', async () => {
    const server = await startServer({ now: () => noon, faults: { rate: 1, kinds: ['slow'], slowMs: 3_600_000 } })
    const port = Number(new URL(server.url).port)
    const [idle, waiting] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
    const closed = [idle, waiting].map((socket) => once(socket.resume(), 'close').catch(() => undefined))
    waiting.write('GET /strikes HTTP/1.1\r\nhost: x\r\n\r\n')
    await vi.waitFor(() => expect(server.stats.inFlight).toBe(1))
    await server.close()
    await Promise.all(closed)
    await turn()
    expect(process.getActiveResourcesInfo()).not.toContain('TCPServerWrap')
    expect(server.stats.inFlight).toBe(0)
    const again = connect(port, '127.0.0.1')
    await expect(once(again, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.close()
  })
})
