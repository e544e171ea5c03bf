import { lastValueFrom } from 'rxjs'
import { fileCheckpoint } from '../../../../../src/checkpoint/file.ts'
import { jsonLines } from '../../../../../src/connectors/json-lines/sink.ts'
import { cursorPagination } from '../../../../../src/connectors/rest/pagination/cursor.ts'
import { nextUrl } from '../../../../../src/connectors/rest/pagination/next-url.ts'
import { offsetLimit } from '../../../../../src/connectors/rest/pagination/offset-limit.ts'
import { rest } from '../../../../../src/connectors/rest/source/rest.ts'
import { schema } from '../../../../../src/schema.ts'
import { readStream } from '../../../../../src/stream.ts'
import { availableNow } from '../../../../../src/trigger.ts'

/** A process that reads all there is, if it is let. */
const [url = '', way = '', limit = '', folder = ''] = process.argv.slice(2)
const paginations = {
  cursor: () => cursorPagination({ param: 'token', next: 'next' }),
  url: () => nextUrl({ path: 'next' }),
  offset: () => offsetLimit({ size: 10 }),
}
const source = rest({
  url: `${url}/${way}`,
  schema: schema('id int not null, at timestamp not null'),
  records: 'items',
  pagination: paginations[way as keyof typeof paginations](),
  cursor: { field: 'at', key: 'id', param: 'since', granularity: '1 second' },
})
const query = readStream(source).writeStream(jsonLines({ path: `${folder}/out` }), {
  name: 'q',
  checkpoint: fileCheckpoint(`${folder}/log`),
  trigger: availableNow(),
  ...(limit !== '' && { limit: { maxRows: Number(limit) } }),
})
await lastValueFrom(query, { defaultValue: undefined })
