/**
 * Rows that share a time: `npx node examples/10-ties.ts`.
 *
 * Twenty orders bear the same second, a page has seven, a batch fifteen. So the position is a time and the keys of that time that were seen: asked with "later than", rows
 * would be lost; asked with "at or later", they would come again. The key has two columns here, as an order's number is its branch's.
 */
import { availableNow, fileCheckpoint, jsonLines, readJsonLines, readStream, schema } from 'sluice'
import { cursorPagination, rest } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { untilInterrupted } from './run.ts'

const { SLUICE_EXAMPLE_DATA: data = 'data', SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints' } = process.env

const { run } = untilInterrupted()
const api = await bundledApi('Orders', { faults: { rate: 0.005 } })

const orders = rest({
  name: 'orders',
  url: `${api.url}/orders`,
  params: { limit: 7 },
  schema: schema('branch string not null, number bigint not null, created_at timestamp not null'),
  records: 'data.items',
  pagination: cursorPagination({ param: 'page_token', next: 'next_page_token' }),
  cursor: { field: 'created_at', key: ['branch', 'number'], param: 'created_since', from: Date.now() - 60_000 },
})

const query = readStream(orders).writeStream(jsonLines({ path: `${data}/ties` }), {
  name: 'ties',
  checkpoint: fileCheckpoint(`${checkpoints}/ties`),
  trigger: availableNow(),
  limit: { maxRows: 15 },
})

console.log(
  `${api.explanation}\nThe orders of the last minute, or since the last start, go to ${data}/ties. Ctrl-C stops.`,
)
/** The last time that was read, and how many of its keys. */
const shown = (offset: object | undefined) => {
  const [[time, keys] = ['', {}]] = Object.entries((offset as { seen?: Record<string, object> })?.seen ?? {})
  return `${Object.keys(keys).length} of ${time}`
}
await run(query, ({ batchId, numInputRows, sources: [source] }) =>
  console.log(`Batch ${batchId}: ${numInputRows} orders, up to ${shown(source?.endOffset)}`),
)
await api.close()

const numbers = new Map<string, number[]>()
for await (const { branch, number } of readJsonLines<{ branch: string; number: string }>(`${data}/ties`))
  numbers.set(branch, [...(numbers.get(branch) ?? []), Number(number)])
for (const [branch, all] of numbers) {
  const each = new Set(all)
  const lost = Math.max(...all) - Math.min(...all) + 1 - each.size
  console.log(`${branch}: ${all.length} orders, lost ${lost}, twice ${all.length - each.size}`)
}
