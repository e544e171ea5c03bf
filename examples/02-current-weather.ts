/**
 * The weather of now, of an API that can't be asked for what was: `npx node examples/02-current-weather.ts`.
 *
 * What such a source says can't be read again after a crash. `journaled` keeps each answer in the checkpoint, together with the plan of its
 * batch, before anything else happens; from then on it is a source like any other. One row for each new observation: a station that
 * still says the same gives none. The recorded weather has no humidity: it is null there.
 */
import {
  defineDataSource,
  fileCheckpoint,
  journaled,
  jsonLines,
  processingTime,
  type RowOf,
  readStream,
  schema,
} from 'sluice'
import { getJson } from './http.ts'
import { untilInterrupted } from './run.ts'
import type { Station } from './weather-source.ts'
import { weatherStations } from './weather-stations.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const current = schema(
  'station string not null, time timestamp not null, temperature_2m double, relative_humidity_2m double, ts_ingest timestamp not null',
)
type Current = RowOf<typeof current>

interface Answer {
  readonly current: {
    readonly time: string
    readonly temperature_2m: number | null
    readonly relative_humidity_2m: number | null
  }
}

async function observe({ name, latitude, longitude, api }: Station): Promise<Current> {
  const url = `${api}/v1/forecast?latitude=${latitude}&longitude=${longitude}&current=temperature_2m,relative_humidity_2m`
  const { time, temperature_2m, relative_humidity_2m } = (await getJson<Answer>(url)).value.current
  return { station: name, time: new Date(`${time}Z`), temperature_2m, relative_humidity_2m, ts_ingest: new Date() }
}

const currentWeather = defineDataSource({
  name: 'current_weather',
  schema: current,
  streamReader: (stations: readonly Station[]) =>
    journaled({
      /** The time of the last observation that was read, by station. */
      initialOffset: (): Readonly<Record<string, string>> => ({}),
      read: async (seen) => {
        const isNew = ({ station, time }: Current) => time.toISOString() > (seen[station] ?? '')
        const rows = (await Promise.all(stations.map(observe))).filter(isNew)
        return {
          rows,
          end: { ...seen, ...Object.fromEntries(rows.map(({ station, time }) => [station, time.toISOString()])) },
        }
      },
    }),
})

const { run } = untilInterrupted()
const source = await weatherStations(`${checkpoints}/current-clock.json`)
const stations = source.stations.filter(({ series }) => series === 'hourly')
const query = readStream(currentWeather(stations)).writeStream(jsonLines({ path: `${data}/current-${source.kind}` }), {
  name: 'current',
  checkpoint: fileCheckpoint(`${checkpoints}/current-${source.kind}`),
  trigger: processingTime(poll ?? '1 second'),
  require: 'exactly-once',
  retry: { maxAttempts: 8 },
})

console.log(`${source.explanation}\nOne row for each new observation. Ctrl-C stops.`)
await run(query, ({ batchId, numInputRows }) => console.log(`Batch ${batchId}: ${numInputRows} new`))
await source.close()
