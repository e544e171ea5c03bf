/**
 * A table of 100 million rows, by ranges of ids: `npx node examples/08-large-table.ts`.
 *
 * The plan is made from the least and the greatest id; nobody counts. The ids have a gap of 409 million and are ten times as sparse behind it, which does
 * no harm: a slice has as many rows as it has. What is committed isn't read again, however the program ended.
 * One row in a hundred is read, from everywhere in the table; with SLUICE_EXAMPLE_EVERY=1 all are.
 */
import { availableNow, fileCheckpoint, jsonLines, readStream, schema } from 'sluice'
import { byIds, cursorPagination, rest } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_EVERY: every = '100',
} = process.env

const { run } = untilInterrupted()
const api = await bundledApi('Readings', { faults: { rate: 0.005 } })
const bounds = `${api.url}/readings/bounds`
const name = `large-table-every-${every}`

const readings = rest({
  name: 'readings',
  url: `${api.url}/readings`,
  params: { every },
  schema: schema('id bigint not null, sensor int not null, celsius double not null'),
  records: 'rows',
  pagination: cursorPagination({ param: 'after', next: 'next' }),
  partitions: byIds({
    params: { from: 'id_from', to: 'id_to' },
    min: { url: bounds, value: 'min_id' },
    max: { url: bounds, value: 'max_id' },
    cut: { size: 1_000_000 },
    field: 'id',
  }),
})

const query = readStream(readings).writeStream(jsonLines({ path: `${data}/${name}` }), {
  name,
  checkpoint: fileCheckpoint(`${checkpoints}/${name}`),
  trigger: availableNow(),
  limit: { maxRows: 50_000_000 }, // ids, be there rows or not
})

console.log(`${api.explanation}\nOne row in ${every} goes to ${data}/${name}. Ctrl-C stops.`)
let [rows, slices] = [0, 0]
const shown = (offset: object | undefined) => Number((offset as { offset: number }).offset).toLocaleString('en')
const end = await run(query, ({ batchId, numInputRows, partitions, sources: [source] }) => {
  rows += numInputRows
  slices += partitions.length
  const range = `ids ${shown(source?.startOffset)} to ${shown(source?.endOffset)}`
  console.log(`Batch ${batchId}: ${range} in ${partitions.length} slices, ${numInputRows.toLocaleString('en')} rows`)
})
console.log(
  `${end === 'completed' ? 'All is read' : 'Start again to go on'}: in this run ${rows.toLocaleString('en')} rows of ${slices} slices.`,
)
await api.close()
