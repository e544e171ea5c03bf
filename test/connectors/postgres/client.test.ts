import { availableNow, memoryCheckpoint, memoryStream, noop, readStream, schema } from 'sluice'
import { postgresRows, postgresTable } from 'sluice/postgres'
import { describe, expect, it } from 'vitest'
import { PostgresClient } from '../../../src/connectors/postgres/client.ts'
import { connectionSettings } from '../../../src/connectors/postgres/connection-options.ts'
import { OptionError } from '../../../src/errors.ts'

const url = 'postgres://user:s3cret@127.0.0.1:1/db?sslmode=verify-full&sslrootcert=/no/such/file.crt'
const numbered = schema('id bigint not null')

describe('a file of the URL that is not there', () => {
  it('is a refused option, with the path and without the password', async () => {
    const refused = await PostgresClient.connect(connectionSettings('test', { url })).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(OptionError)
    expect(String(refused)).toMatch(/PostgreSQL.*sslrootcert.*ENOENT.*\/no\/such\/file\.crt/)
    expect(JSON.stringify([refused, String((refused as Error).cause)])).not.toContain('s3cret')
  })

  it.each(['source', 'sink', 'checkpoint'] as const)('ends the query at once: %s', async (where) => {
    const rows = memoryStream<{ id: bigint }>()
    rows.add({ id: 1n })
    const table = postgresTable({ url, table: 't' })
    const source = postgresRows({ url, table: 't', schema: numbered, id: 'id' })
    const stream = (where === 'source' ? readStream(source) : readStream(rows)).as(numbered)
    const checkpoint = where === 'checkpoint' ? table.checkpoint : memoryCheckpoint()
    const options = { name: 'q', checkpoint, trigger: availableNow() }
    const query = where === 'sink' ? stream.writeStream(table, options) : stream.writeStream(noop(), options)
    const run = query.start()
    await expect(run.terminated).rejects.toMatchObject({ cause: expect.objectContaining({ code: 'SLUICE_OPTION' }) })
  })
})
