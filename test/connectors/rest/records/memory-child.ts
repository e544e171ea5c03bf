// Reads a body of the given size, made while it is read, and says what that took.
import { Readable } from 'node:stream'
import { readPage } from '../../../../src/connectors/rest/records/page.ts'

const [bytes = 0] = process.argv.slice(2).map(Number)

const items = Array.from({ length: 1_000 }, (_, id) =>
  JSON.stringify({
    id,
    name: `person "${id}"`,
    tags: ['a', 'é'],
    address: { city: 'Somewhere', zip: String(id) },
    score: id / 7,
  }),
).join(',')
let [sent, rows] = [0, 0]

function* body(): Generator<Buffer> {
  yield Buffer.from('{"next":"c2","data":{"items":[')
  const [first, other] = [Buffer.from(items), Buffer.from(`,${items}`)]
  for (; sent < bytes; rows += 1_000) {
    const part = rows === 0 ? first : other
    sent += part.length
    // As a socket gives it.
    for (let from = 0; from < part.length; from += 65_536) yield part.subarray(from, from + 65_536)
  }
  yield Buffer.from(']},"done":true}')
}

globalThis.gc?.()
const before = process.memoryUsage().heapUsed
const started = performance.now()
let peak = 0
let count = 0
const page = await readPage(
  {
    status: 200,
    headers: { 'content-type': 'application/json' },
    url: 'http://api.test/',
    body: Readable.from(body(), { objectMode: false }),
  },
  { records: 'data.items' },
)
for await (const chunk of page.chunks) {
  count += chunk.length
  peak = Math.max(peak, process.memoryUsage().heapUsed)
}
console.log(
  JSON.stringify({
    whole: page.whole,
    isComplete: count === rows && page.end().count === rows,
    envelope: page.end().envelope,
    megabytes: Math.round(sent / 1e6),
    heapGrowth: Math.round((peak - before) / 1e6),
    peakRss: Math.round(process.resourceUsage().maxRSS / 1e3),
    seconds: (performance.now() - started) / 1e3,
  }),
)
