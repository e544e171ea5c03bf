/**
 * A receiver that cuts the line: `npx node examples/11-lost-answers.ts`.
 *
 * Of ten requests it carries out one without an answer. Whoever sends that one again without a key has its rows there twice; who doesn't may have lost them.
 * Here each request has a key, made of its place in the query. It is the same on every attempt, and after `kill -9` too: start it again, and nothing
 * is lost or there twice.
 */
import { availableNow, fileCheckpoint, readStream, schema } from 'sluice'
import { byIds, cursorPagination, httpSink, rest } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { ledgerState } from './ledger-state.ts'
import { untilInterrupted } from './run.ts'
import { minId } from './server/readings.ts'

const { SLUICE_EXAMPLE_DATA: data = 'data', SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints' } = process.env
const count = 50_000

const { run } = untilInterrupted()
const api = await bundledApi('Readings', {
  faults: false,
  ledger: { file: `${data}/lost-answers.sqlite`, cutEvery: 10 },
})

const readings = rest({
  name: 'readings',
  url: `${api.url}/readings`,
  schema: schema('id int not null, sensor int not null, celsius double not null'),
  records: 'rows',
  pagination: cursorPagination({ param: 'after', next: 'next' }),
  partitions: byIds({
    params: { from: 'id_from', to: 'id_to' },
    min: minId,
    max: () => minId + count - 1,
    field: 'id',
  }),
  repeatable: true, // read again, a batch has the same rows
})
const sink = httpSink({ url: `${api.url}/ledger`, batchSize: 100, retry: { initialDelayMs: 20 } })

const query = readStream(readings).writeStream(sink, {
  name: 'lost-answers',
  checkpoint: fileCheckpoint(`${checkpoints}/lost-answers`),
  trigger: availableNow(),
  limit: { maxRows: 5_000 },
  require: 'effectively-once',
})

console.log(
  `${api.explanation}\n${count} readings go to ${api.url}/ledger, which doesn't answer one request in ten. Ctrl-C stops.`,
)
const end = await run(query, ({ batchId, numInputRows, replay }) =>
  console.log(`Batch ${batchId}${replay ? ', again' : ''}: ${numInputRows} rows`),
)
const { requests, cut, repeated, rows, twice } = await ledgerState(api.url)
console.log(`${requests} requests; ${cut} times no answer came, ${repeated} times one was sent again.`)
console.log(end === 'completed' ? `lost ${count - (rows - twice)}, twice ${twice}` : 'Start again to go on.')
await api.close()
