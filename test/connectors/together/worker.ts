// A table and a folder as one, into three sinks, in a process of its own: node worker.ts <database> <folder> <joined | file>
import { join } from 'node:path'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { deltaTable } from '../../../src/connectors/delta/delta-table.ts'
import { filesSink } from '../../../src/connectors/files/sink.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { postgresTable } from '../../../src/connectors/postgres/sink.ts'
import { postgresRows } from '../../../src/connectors/postgres/source.ts'
import { schema } from '../../../src/schema.ts'
import { readStream } from '../../../src/stream.ts'
import { tee } from '../../../src/tee.ts'
import { availableNow } from '../../../src/trigger.ts'
import { union } from '../../../src/union.ts'

const [url = '', place = '', log = ''] = process.argv.slice(2)
const row = schema('id bigint not null, note string')
const table = postgresRows({ url, table: 'source', schema: row, id: 'id', partitions: 3 })
const folder = files({
  path: join(place, 'in'),
  state: join(place, 'state'),
  format: 'jsonLines',
  schema: row,
  settle: 0,
  splitBytes: 500,
})
const rows = postgresTable({ url, table: 'sink', createTable: true })
const sinks = tee({
  rows,
  delta: deltaTable({ path: join(place, 'delta') }),
  out: filesSink({ path: join(place, 'out'), format: 'parquet' }),
})
const query = readStream(union({ table, folder }))
  .as(row)
  .writeStream(sinks, {
    name: 'together',
    checkpoint: log === 'joined' ? rows.checkpoint : fileCheckpoint(join(place, 'checkpoint')),
    trigger: availableNow(),
    limit: { maxRows: 60, maxFiles: 1 },
    concurrency: 3,
    require: 'exactly-once',
  })
console.log('started')
await query.start().terminated
console.log('finished')
