/**
 * Events that are known late: `npx node examples/09-late-events.ts`.
 *
 * This API tells of most events within 300 milliseconds, of some only after four seconds. There are two ways to lose none, and both run here:
 *
 * - in windows, five seconds behind (`safetyLag`): complete and in order. A window that the API finds too large (413) is halved.
 * - by cursor, one second behind (`lag`), looking back five seconds each time (`lookback`): sooner, and what is late comes when it is known, once.
 */
import { fileCheckpoint, jsonLines, processingTime, readJsonLines, readStream, schema } from 'sluice'
import { byTime, cursorPagination, rest, singlePage } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const { run } = untilInterrupted()
const api = await bundledApi('Events')
const events = {
  url: `${api.url}/events`,
  schema: schema('id bigint not null, at timestamp not null, received_at timestamp not null, kind string'),
  records: 'events',
} as const
const from = Date.now() - 60_000

const inWindows = rest({
  ...events,
  name: 'events in windows',
  pagination: singlePage(),
  partitions: byTime({
    params: { from: 'from', to: 'to' },
    from,
    safetyLag: '5 seconds',
    maxWindow: '1 minute',
    partitionDuration: '20 seconds',
    field: 'at',
  }),
})

const byCursor = rest({
  ...events,
  name: 'events by cursor',
  pagination: cursorPagination({ param: 'after', next: 'next' }),
  cursor: { field: 'at', key: 'id', param: 'from', from, lag: '1 second', lookback: '5 seconds' },
})

const follow = async (name: string, source: typeof inWindows) => {
  const query = readStream(source).writeStream(jsonLines({ path: `${data}/${name}` }), {
    name,
    checkpoint: fileCheckpoint(`${checkpoints}/${name}`),
    trigger: processingTime(poll ?? '2 seconds'),
  })
  await run(query, ({ batchId, numInputRows }) => console.log(`${name}: batch ${batchId}, ${numInputRows} events`))
}

console.log(
  `${api.explanation}\nThe events of the last minute and those that come go to ${data}/events-in-windows and ${data}/events-by-cursor. Ctrl-C stops.`,
)
await Promise.all([follow('events-in-windows', inWindows), follow('events-by-cursor', byCursor)])
await api.close()

for (const name of ['events-in-windows', 'events-by-cursor']) {
  const seen = new Set<string>()
  let [rows, latest, late] = [0, 0, 0]
  for await (const { id } of readJsonLines<{ id: string }>(`${data}/${name}`)) {
    rows++
    seen.add(id)
    if (Number(id) < latest) late++
    latest = Math.max(latest, Number(id))
  }
  console.log(`${name}: ${rows} events, ${rows - seen.size} of them twice; ${late} came after a later one`)
}
