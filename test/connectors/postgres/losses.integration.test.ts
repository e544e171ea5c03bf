import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { schema } from '../../../src/schema.ts'
import { openDatabase, serverUrl, type TestDatabase } from '../../support/postgres.ts'
import { batchOf, writeBatch } from '../drive.ts'
import { startedWriter } from './rig.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(serverUrl())
})
afterAll(() => database.close())

const at = new Date('2026-02-03T23:05:06.789Z')
let tables = 0

it.each<[type: string, column: string, value: unknown, kept: string, told: RegExp | undefined]>([
  ['timestamp', 'date', at, '2026-02-03', /"v" \(timestamp into date\) loses its time of day/],
  ['timestamp', 'timestamptz(0)', at, '2026-02-03 23:05:07+00', /is rounded/],
  ['timestamp', 'timestamptz(3)', at, '2026-02-03 23:05:06.789+00', undefined],
  ['timestamp', 'timestamp', at, '2026-02-03 23:05:06.789', undefined],
  ['decimal(10,4)', 'numeric(10,2)', '1.2345', '1.23', /"v" \(decimal into numeric\(10,2\)\) is rounded/],
  ['decimal(38,2)', 'double precision', '12345678901234567890.12', '1.2345678901234567e+19', /is rounded/],
  ['decimal(10,2)', 'numeric(10,4)', '1.23', '1.2300', undefined],
  ['decimal(10,2)', 'numeric', '1.23', '1.23', undefined],
  ['double', 'numeric(10,2)', 1.239, '1.24', /is rounded/],
  ['double', 'real', 0.1 + 0.2, '0.3', /is rounded/],
  ['double', 'numeric', 1.239, '1.239', undefined],
  ['float', 'numeric(4,1)', 0.25, '0.3', /is rounded/],
  ['float', 'double precision', 0.25, '0.25', undefined],
  ['bigint', 'double precision', 2n ** 53n + 1n, '9.007199254740992e+15', /2\^53/],
  ['bigint', 'numeric', 2n ** 53n + 1n, '9007199254740993', undefined],
  ['int', 'real', 2 ** 24 + 1, '1.6777216e+07', /2\^24/],
  ['int', 'bigint', 2 ** 24 + 1, '16777217', undefined],
])('%s into %s: what the server keeps of it, and what is said', async (type, column, value, kept, told) => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => warned.mockRestore())
  const table = `lossy_${tables++}`
  database.psql(`CREATE TABLE ${table} (v ${column})`)
  const writer = await startedWriter({ url: database.url, table }, { schema: schema(`v ${type}` as string) })
  await writeBatch(writer, batchOf(0), [[[{ v: value }]]])
  expect(database.psql(`SET timezone = 'UTC'; SELECT v FROM ${table}`)).toEqual([kept])
  expect(warned.mock.calls).toEqual(told === undefined ? [] : [[expect.stringMatching(told), 'SluiceWarning']])
})
