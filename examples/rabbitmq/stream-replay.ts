/**
 * A stream read again from any offset: `npm run services`, then `npx node examples/rabbitmq/stream-replay.ts 900`.
 *
 * A stream queue keeps its messages when they are read. So each run of this is a new query that begins where it is told to and ends with what is there:
 * the same range gives the same rows, however often it is read.
 */
import { createHash } from 'node:crypto'
import { lastValueFrom } from 'rxjs'
import { availableNow, memoryCheckpoint, memorySink, once, rate, readStream, schema, sqliteCheckpoint } from 'sluice'
import { mapRows } from 'sluice/operators'
import { rabbitmqSink, rabbitmqStream } from 'sluice/rabbitmq'
import { brokerUrl, declareStream } from './broker.ts'

const { SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints', SLUICE_EXAMPLE_PREFIX: prefix = 'sluice-example' } =
  process.env

const from = Number(process.argv[2] ?? 0)
const url = brokerUrl()
const stream = `${prefix}-readings`
await declareStream(url, stream)

const thermometers = readStream(rate({ rowsPerBatch: 1_000, startTime: 0 }))
  .pipe(mapRows(({ value }) => ({ sensor: value % 7, celsius: 15 + (value % 50) / 10 })))
  .writeStream(rabbitmqSink({ url, queue: stream }), {
    name: 'readings-in',
    checkpoint: sqliteCheckpoint(`${checkpoints}/readings-in.sqlite`),
    trigger: once(),
  })
await lastValueFrom(thermometers)
console.log('A thousand readings more are in the stream.')

const reading = schema('sensor int not null, celsius double not null')
const read = memorySink<{ offset: number; sensor: number; celsius: number }>()
const replay = readStream(rabbitmqStream({ url, stream, content: reading, from }))
  .pipe(mapRows(({ body, offset }) => ({ offset, ...body })))
  .writeStream(read, { name: 'replay', checkpoint: memoryCheckpoint(), trigger: availableNow() })
await lastValueFrom(replay)

const digest = (count: number) =>
  createHash('sha256')
    .update(JSON.stringify(read.rows.slice(0, count)))
    .digest('hex')
    .slice(0, 12)
console.log(`From offset ${from}: ${read.rows.length} readings, up to offset ${read.rows.at(-1)?.offset}.`)
console.log(`The first hundred of them have the digest ${digest(100)}, in every run.`)
