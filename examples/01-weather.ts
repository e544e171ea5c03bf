/**
 * The weather of several stations, from an API into a Delta Lake table: `npm start`.
 *
 * It first catches up on the last two days, then looks for new hours. Ctrl-C stops it after the batch in flight; started again it goes on
 * from there. However it ends, the table holds every observation of every station exactly once. To begin anew delete both `data` and `checkpoints`.
 */
import {
  availableNow,
  fileCheckpoint,
  processingTime,
  type QueryProgress,
  readStream,
  console as screen,
  type Trigger,
  tee,
} from 'sluice'
import { type MetricsServer, serveDashboard } from 'sluice/dashboard'
import { deltaTable } from 'sluice/delta'
import { liveLine } from './live-line.ts'
import { untilInterrupted } from './run.ts'
import { weather } from './weather-source.ts'
import { weatherStations } from './weather-stations.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_ONCE: once,
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const line = liveLine()
const { run } = untilInterrupted(() => line.above('Ctrl-C: finishing the batch in flight; once more to abort it.\n'))
const source = await weatherStations(`${checkpoints}/weather-clock.json`)
const { stations, now } = source
const dayMs = 86_400_000
const today = Math.floor((await now(stations[0]!)) / dayMs) * dayMs

const query = (trigger: Trigger) =>
  readStream(weather({ stations, now, from: today - 2 * dayMs })).writeStream(
    // The table has each row once. The screen is for looking at: after a crash it may show a batch again.
    tee({ table: deltaTable({ path: `${data}/weather` }), screen: screen({ write: line.above }) }),
    {
      name: 'weather',
      // A batch that was left unfinished can only be read from the API it was planned for. The stations' names keep their rows apart.
      checkpoint: fileCheckpoint(`${checkpoints}/weather-${source.kind}`),
      trigger,
      retry: { maxAttempts: 8 },
      restart: { maxAttempts: 100, backoff: { maxDelayMs: 60_000 } },
    },
  )
let rows = 0
const show = ({ batchId, numInputRows, batchDuration, replay }: QueryProgress) => {
  rows += numInputRows
  line.show(
    `Batch ${batchId}${replay ? ', again' : ''}: ${numInputRows} rows in ${batchDuration} ms; ${rows} rows so far. Ctrl-C stops.`,
  )
}

line.above(`${source.explanation}\n`)
const page: MetricsServer = await serveDashboard({ port: 9464 }).catch(() => serveDashboard({ port: 0 })) // another one runs
line.above(`See it run: ${page.url}\n`)
let end = await run(query(availableNow()), show, page.watch)
if (end === 'completed' && once === undefined) {
  line.above(`Caught up: ${rows} rows. Looking for more.\n`)
  end = await run(query(processingTime(poll ?? source.pollMs)), show, page.watch)
}
await source.close()
await page.close()
line.end(
  `\n${end === 'stopped' ? 'Aborted' : 'Done'}: ${rows} rows in this run, all of them in ${data}/weather. Start again to go on.\n`,
)
if (end === 'stopped') process.exitCode = 130
