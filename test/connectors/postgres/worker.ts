// A query in a process of its own: node worker.ts <url> <rows until> <table> <joined | folder of a checkpoint> <mode> [maxBuffered]
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { postgresTable } from '../../../src/connectors/postgres/sink.ts'
import type { PostgresTableOptions } from '../../../src/connectors/postgres/sink-options.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow } from '../../../src/trigger.ts'
import { numbers } from './numbers.ts'

const [url = '', until = '', table = '', log = '', mode = '', maxBuffered = '33554432'] = process.argv.slice(2)
const keyed = mode === 'append' ? {} : ({ key: ['id'], mode: 'upsert' } satisfies Partial<PostgresTableOptions>)
const sink = postgresTable({ url, table, createTable: true, maxBuffered: Number(maxBuffered), ...keyed })
const query = readStream(numbers(Number(until))).writeStream(sink, {
  name: 'numbers',
  checkpoint: log === 'joined' ? sink.checkpoint : fileCheckpoint(log),
  trigger: availableNow(),
  limit: { maxRows: 90 },
  require: 'exactly-once',
})
console.log('started')
await query.start().terminated
console.log('finished')
