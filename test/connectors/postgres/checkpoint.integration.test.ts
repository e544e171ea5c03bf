import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { postgresTable } from '../../../src/connectors/postgres/sink.ts'
import { checkpointConformance } from '../../checkpoint/conformance.ts'
import { openDatabase, serverUrl, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(serverUrl())
})
afterAll(() => database.close())

checkpointConformance('postgresTable(…).checkpoint', ({ retain }) => {
  const name = randomUUID()
  return {
    checkpoint: () =>
      postgresTable({
        url: database.url,
        table: 'unused',
        checkpoint: { name, ...(retain === undefined ? {} : { retain }) },
      }).checkpoint,
    cleanup: () => undefined,
  }
})
