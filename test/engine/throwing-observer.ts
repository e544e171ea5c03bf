// Runs a query whose observer throws, or doesn't: node throwing-observer.ts <folder> <throw | behave>
import { join } from 'node:path'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { jsonLines } from '../../src/connectors/json-lines/sink.ts'
import { defineDataSource, schema, sequenceOffset } from '../../src/index.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'

const [folder = '', observer] = process.argv.slice(2)

const numbers = defineDataSource({
  name: 'numbers',
  schema: schema('n int not null'),
  streamReader: () => ({
    ...sequenceOffset({ head: () => 20 }),
    async *read({ from, to }) {
      yield Array.from({ length: to - from }, (_, i) => ({ n: from + i }))
    },
  }),
})

const run = readStream(numbers())
  .writeStream(jsonLines({ path: join(folder, 'data') }), {
    name: 'numbers',
    checkpoint: fileCheckpoint(join(folder, 'checkpoint')),
    trigger: availableNow(),
    limit: { maxRows: 2 },
  })
  .start()
run.events$.subscribe(({ type }) => {
  if (observer === 'throw' && type === 'sink-committed') throw new Error('metrics are broken')
})
await run.terminated
