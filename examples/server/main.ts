import { parseArgs } from 'node:util'
import { startServer } from './server.ts'

// node examples/server/main.ts --port 8080 --speed 3600 --seed 1
const { values } = parseArgs({
  allowNegative: true,
  options: {
    port: { type: 'string', default: '8080' },
    /** Seconds of the server's clock in one second: by default an hour. */
    speed: { type: 'string', default: '3600' },
    /** `--no-faults` for a server that never fails. */
    faults: { type: 'boolean', default: true },
    seed: { type: 'string', default: '1' },
  },
})

const server = await startServer({
  port: Number(values.port),
  speed: Number(values.speed),
  faults: values.faults && { seed: Number(values.seed) },
})
const yesterday = new Date(server.now() - 86_400_000).toISOString().slice(0, 10)
console.log(`Listening on ${server.url}, ${values.speed} times as fast as time. For example:
  ${server.url}/v1/forecast?latitude=47.61&longitude=-122.33&hourly=temperature_2m&start_hour=${yesterday}T00:00&end_hour=${yesterday}T05:00
  ${server.url}/v1/forecast?latitude=47.61,40.71&longitude=-122.33,-74.01&daily=temperature_2m_max&start_date=${yesterday}&end_date=${yesterday}
  ${server.url}/strikes?_start=0&_limit=10
  ${server.url}/earthquakes?orderby=updated-asc&updatedafter=${yesterday}&limit=10
  ${server.url}/orders?created_since=${yesterday}T00:00:00Z
  ${server.url}/events?from=${yesterday}T00:00:00Z&to=${yesterday}T00:00:05Z
  ${server.url}/readings?id_from=90999998&id_to=500000030
  ${server.url}/clock
Ctrl+C ends it.`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close())
