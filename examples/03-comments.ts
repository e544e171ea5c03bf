/**
 * Ten rows a batch from an API that numbers its rows: `npx node examples/03-comments.ts`.
 *
 * JSONPlaceholder's comments where they can be reached, else the bundled server's bird strikes, of which there are more by and by.
 * Each of the two has a folder and a checkpoint of its own. Stop it with Ctrl-C and start it again: it goes on with the next row.
 */
import { defineDataSource, fileCheckpoint, jsonLines, processingTime, readStream, schema } from 'sluice'
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
  streamReader: ({ url, toRow }: CommentsApi) => {
    const count = async () => {
      const total = (await getJson(`${url}?_start=0&_limit=0`)).headers.get('x-total-count')
      if (total === null) throw new Error(`${url} doesn't say how many rows there are`)
      return Number(total)
    }
    return {
      initialOffset: () => ({ offset: 0 }),
      latestOffset: async (start, { maxRows }) => ({
        offset: Math.max(start.offset, Math.min(start.offset + maxRows, await count())),
      }),
      partitions: (start, end) => (start.offset === end.offset ? [] : [{ from: start.offset, to: end.offset }]),
      async *read({ from, to }, { signal }) {
        const { value } = await getJson<readonly object[]>(`${url}?_start=${from}&_limit=${to - from}`, { signal })
        if (value.length !== to - from) throw new Error(`asked for ${to - from} rows, and got ${value.length}`)
        yield value.map(toRow)
      },
    }
  },
})

const { run } = untilInterrupted()
const api = await commentsApi(`${checkpoints}/comments-clock.json`)
const name = `comments-${api.kind}`
const query = readStream(comments(api))
  .pipe(mapRows((row) => ({ ...row, current_ts: new Date() })))
  .as(schema('id int not null, title string, body string, current_ts timestamp not null'))
  .writeStream(jsonLines({ path: `${data}/${name}` }), {
    name,
    checkpoint: fileCheckpoint(`${checkpoints}/${name}`),
    trigger: processingTime(poll ?? '5 seconds'),
    limit: { maxRows: 10 },
    retry: { maxAttempts: 8 },
  })

console.log(`${api.explanation}\nThe rows go to ${data}/${name}. Ctrl-C stops.`)
await run(query, ({ batchId, numInputRows, sources: [source] }) =>
  console.log(`Batch ${batchId}: ${numInputRows} rows, up to ${JSON.stringify(source?.endOffset)}`),
)
await api.close()
