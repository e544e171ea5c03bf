import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { filesSink } from '../../../src/connectors/files/sink.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { schema } from '../../../src/schema.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow, continuously } from '../../../src/trigger.ts'

/** A process that reads a folder into another one, until it is killed; or, asked to end, until it has all. Says when a batch is done. */
const [place = '', format = '', ends = ''] = process.argv.slice(2)

const row = schema('id int not null, text string')
const source = files({
  path: join(place, 'in'),
  format: 'jsonLines',
  schema: row,
  state: join(place, 'state'),
  settle: 0,
  splitBytes: 4_000,
  // What was read is taken away in one of the two, also while the process is killed.
  cleanUp: format === 'parquet' ? 'delete' : 'keep',
})
const sink = filesSink({ path: join(place, 'out'), format: format as 'jsonLines' | 'parquet', maxFileBytes: 10_000 })
const query = readStream(source).writeStream(sink, {
  name: 'crash',
  checkpoint: fileCheckpoint(join(place, 'checkpoint')),
  trigger: ends === 'end' ? availableNow() : continuously(),
  limit: { maxFiles: 2 },
})
writeSync(1, 's')
query.subscribe({ next: () => writeSync(1, '.') })
