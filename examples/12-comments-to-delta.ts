/**
 * Comments into a Delta Lake table, ten rows a batch, each with the time at which it was read: `npx node examples/12-comments-to-delta.ts`.
 *
 * JSONPlaceholder's comments where they can be reached, else the bundled server's bird strikes. Stop it with Ctrl-C, or kill it, and start it again: it goes on
 * with the next row, and the table has each one once. At its end it reads the table and says what is in it.
 */
import { defineDataSource, fileCheckpoint, memorySink, processingTime, read, readStream, schema } from 'sluice'
import { deltaTable } from 'sluice/delta'
import { mapRows } from 'sluice/operators'
import { type CommentsApi, commentsApi } from './comments-api.ts'
import { getJson } from './http.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const comments = defineDataSource({
  name: 'comments_api',
  schema: schema('id int not null, title string, body string'),
  streamReader: ({ url, toRow }: CommentsApi) => ({
    initialOffset: () => ({ offset: 0 }),
    latestOffset: async (start, { maxRows }) => {
      const total = (await getJson(`${url}?_start=0&_limit=0`)).headers.get('x-total-count')
      if (total === null) throw new Error(`${url} doesn't say how many rows there are`)
      return { offset: Math.max(start.offset, Math.min(start.offset + maxRows, Number(total))) }
    },
    partitions: (start, end) => (start.offset === end.offset ? [] : [{ from: start.offset, to: end.offset }]),
    async *read({ from, to }, { signal }) {
      const { value } = await getJson<readonly object[]>(`${url}?_start=${from}&_limit=${to - from}`, { signal })
      if (value.length !== to - from) throw new Error(`asked for ${to - from} rows, and got ${value.length}`)
      yield value.map(toRow)
    },
  }),
})

const { run } = untilInterrupted()
const api = await commentsApi(`${checkpoints}/comments-delta-clock.json`)
const name = `comments-delta-${api.kind}`
const path = `${data}/${name}`
const row = schema('id int not null, title string, body string, current_ts timestamp not null')

console.log(`${api.explanation}\nThe rows go to the table ${path}. Ctrl-C stops.`)
const query = readStream(comments(api))
  .pipe(mapRows((comment) => ({ ...comment, current_ts: new Date() })))
  .as(row)
  .writeStream(deltaTable({ path }), {
    name,
    checkpoint: fileCheckpoint(`${checkpoints}/${name}`),
    trigger: processingTime(poll ?? '5 seconds'),
    limit: { maxRows: 10 },
    retry: { maxAttempts: 8 },
  })
await run(query, ({ batchId, numInputRows, sources: [source] }) =>
  console.log(`Batch ${batchId}: ${numInputRows} rows, up to ${JSON.stringify(source?.endOffset)}`),
)
await api.close()

const table = memorySink<{ id: number; current_ts: Date }>()
await read(deltaTable({ path, schema: row }))
  .write(table)
  .start().terminated
const latest = Math.max(...table.rows.map(({ current_ts }) => current_ts.getTime()))
console.log(
  `The table has ${table.rows.length} rows with ${new Set(table.rows.map(({ id }) => id)).size} ids, the last one read at ${new Date(latest).toISOString()}.`,
)
