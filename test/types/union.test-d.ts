import { memoryCheckpoint, memorySink, memoryStream, readStream, schema, union } from 'sluice'
import { files } from 'sluice/files'
import { mapRows } from 'sluice/operators'
import { postgresRows } from 'sluice/postgres'
import { expectTypeOf, it } from 'vitest'

const row = schema('id bigint not null, note string')
const table = postgresRows({ url: 'postgres://localhost/db', table: 't', schema: row, id: 'id' })
const folder = files({ path: 'in', state: 'state', format: 'csv', schema: row })
const options = { name: 'q', checkpoint: memoryCheckpoint() }

it('a union of sources of different kinds has their rows', () => {
  const note = mapRows((one: { readonly id: bigint; readonly note: string | null }) => {
    expectTypeOf(one.id).toEqualTypeOf<bigint>()
    return { id: one.id, note: one.note }
  })
  const stream = readStream(union({ table, folder }))
  stream.pipe(note)
  stream.as(row).writeStream(memorySink<{ id: bigint; note: string | null }>(), options)
  // @ts-expect-error the rows have no column "other"
  stream.writeStream(memorySink<{ other: number }>(), options)
})

it('a union of sources with different rows has rows of either kind', () => {
  const [a, b] = [memoryStream<{ a: number }>(), memoryStream<{ b: string }>()]
  const stream = readStream(union({ a, b }))
  stream.pipe(mapRows((one) => ({ text: 'a' in one ? String(one.a) : one.b })))
  // @ts-expect-error not every row has a column "a"
  stream.writeStream(memorySink<{ a: number }>(), options)
})
