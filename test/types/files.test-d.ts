import { readStream, schema } from 'sluice'
import { type FileMetadata, files, filesSink } from 'sluice/files'
import { mapRows } from 'sluice/operators'
import { expectTypeOf, test } from 'vitest'

const row = schema('id bigint not null, name string, _corrupt_record string')
const options = { path: 'in', format: 'jsonLines', schema: row } as const

test('rows have the types of the schema, and of the metadata where that is asked for', () => {
  readStream(files(options)).pipe(
    mapRows((one) => {
      expectTypeOf(one).toEqualTypeOf<{ id: bigint; name: string | null; _corrupt_record: string | null }>()
      return one
    }),
  )
  readStream(files({ ...options, metadata: true })).pipe(
    mapRows((one) => {
      expectTypeOf(one._metadata).toEqualTypeOf<FileMetadata>()
      expectTypeOf(one.id).toEqualTypeOf<bigint>()
      return one
    }),
  )
})

test('options are checked', () => {
  // @ts-expect-error: Avro isn't read
  files({ ...options, format: 'avro' })
  // @ts-expect-error: a sink has no CSV
  filesSink({ path: 'out', format: 'csv' })
})
