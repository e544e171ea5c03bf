/**
 * Earthquakes, and what is learned about them later: `npx node examples/05-earthquakes.ts`.
 *
 * The first report of an earthquake is revised for days. Each version takes the place of the one before it: same id, later `updated`. So the
 * source is read in the order of (updated, id), where a late correction is simply a further row. The files hold each version that was read
 * once, and the last row of an id is what is known of it. A version that was replaced before anybody looked (or before a batch was read again
 * after a crash) is not among them; the one that replaced it is.
 */
import {
  defineDataSource,
  fileCheckpoint,
  jsonLines,
  type KeysetOffset,
  keysetOffset,
  processingTime,
  type RowOf,
  readJsonLines,
  readStream,
  schema,
} from 'sluice'
import { type Earthquake, type Earthquakes, type EarthquakesApi, earthquakesApi } from './earthquakes-api.ts'
import { getJson } from './http.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const version = schema(
  'id string not null, updated timestamp not null, time timestamp not null, magnitude double, place string, status string not null, data string not null',
)
type Version = RowOf<typeof version>
type Position = KeysetOffset<number, string>

/** A version may become visible a little after the time it bears: newer ones are left for the next batch. */
const settleMs = 60_000

const earthquakes = defineDataSource({
  name: 'earthquakes',
  schema: version,
  streamReader: (api: EarthquakesApi) => {
    /** At or after the second in which this position lies, in any order: no more can be asked for there. */
    const changedSince = async ({ value = 0 }: Position, signal?: AbortSignal): Promise<Earthquakes> => {
      const updatedafter = new Date(value).toISOString().slice(0, 19)
      const url = `${api.url}?${new URLSearchParams({ format: 'geojson', updatedafter })}`
      return (await getJson<Earthquakes>(url, { signal })).value
    }
    // The head would be all there is, asked for once a batch: more than it is worth here.
    const { reportLatestOffset: _, ...positions } = keysetOffset({
      value: ({ properties }: Earthquake) => properties.updated,
      key: ({ id }: Earthquake) => id,
      head: async (start: Position, maxRows: number): Promise<Earthquake | undefined> => {
        const { metadata, features } = await changedSince(start)
        const isSettled = ({ properties }: Earthquake) => properties.updated < metadata.generated - settleMs
        const next = features.filter(isSettled).filter(positions.after(start)).sort(byUpdated)
        return next.slice(0, maxRows).at(-1)
      },
    })
    return {
      ...positions,
      initialOffset: async () => ({ value: (await api.now()) - 86_400_000 }),
      async *read(range, { signal }) {
        const { features } = await changedSince(range.from, signal)
        const real = api.kind === 'live' ? 'USGS' : 'recorded'
        yield features
          .filter(positions.within(range))
          .sort(byUpdated)
          .map(
            ({ id, properties: { updated, time, mag, place, status, synthetic } }): Version => ({
              id,
              updated: new Date(updated),
              time: new Date(time),
              magnitude: mag,
              place,
              status,
              data: synthetic === true ? 'synthetic' : real,
            }),
          )
      },
    }
  },
})

function byUpdated(a: Earthquake, b: Earthquake): number {
  return a.properties.updated - b.properties.updated || (a.id < b.id ? -1 : 1)
}

const { run } = untilInterrupted()
const api = await earthquakesApi(`${checkpoints}/earthquakes-clock.json`)
const name = `earthquakes-${api.kind}`
const path = `${data}/${name}`
const query = readStream(earthquakes(api)).writeStream(jsonLines({ path }), {
  name,
  checkpoint: fileCheckpoint(`${checkpoints}/${name}`),
  trigger: processingTime(poll ?? (api.kind === 'live' ? '1 minute' : '2 seconds')),
  limit: { maxRows: 100 },
  retry: { maxAttempts: 8 },
})

console.log(`${api.explanation}\nEvery version of the last day and of what comes goes to ${path}. Ctrl-C stops.`)
let rows = 0
await run(query, ({ batchId, numInputRows, sources: [source] }) => {
  rows += numInputRows
  console.log(`Batch ${batchId}: ${numInputRows} versions, up to ${JSON.stringify(source?.endOffset)}`)
})
await api.close()
if (rows > 0) await showRevisions()

async function showRevisions(): Promise<void> {
  // As JSON has them: the times are texts.
  type Stored = Pick<Version, 'id' | 'magnitude' | 'place' | 'status'>
  const versions = new Map<string, Stored[]>()
  for await (const row of readJsonLines<Stored>(path)) versions.set(row.id, [...(versions.get(row.id) ?? []), row])
  const revised = [...versions.values()].filter(({ length }) => length > 1)
  console.log(
    `${versions.size} earthquakes so far, ${revised.length} of them revised${revised.length > 0 ? ', such as' : ''}`,
  )
  for (const history of revised.slice(-3)) {
    const steps = history.map(({ magnitude, status }) => `${magnitude ?? 'unknown'} (${status})`)
    console.log(`  ${history[0]?.place}: magnitude ${steps.join(', then ')}`)
  }
}
