import { describe } from 'vitest'
import { postgresTable } from '../../../src/connectors/postgres/sink.ts'
import { postgresRows } from '../../../src/connectors/postgres/source.ts'
import { schema } from '../../../src/schema.ts'
import { checkpointSuite } from '../../../src/testing/conformance/checkpoint.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { openDatabase, serverUrl } from '../../support/postgres.ts'
import { runAll } from '../../testing/conformance/run-all.ts'

const row = schema('id int not null')
const passwordOf = (url: string): string => new URL(url).password

describe('postgresRows', () => {
  runAll(
    streamReaderSuite(
      async () => {
        const { url, rows, close } = await openDatabase(serverUrl())
        await rows('CREATE TABLE numbers (id int PRIMARY KEY)')
        let last = 0
        return {
          source: postgresRows({ url, table: 'numbers', schema: row, id: 'id', appendOnly: true, partitions: 2 }),
          secrets: [passwordOf(url)],
          add: async (more) => {
            await rows('INSERT INTO numbers SELECT generate_series($1::int, $2::int)', [last + 1, last + more])
            last += more
          },
          fail: async () => {
            await rows('DROP TABLE numbers')
            return 'numbers'
          },
          openReads: async () => {
            const [found] = await rows<{ readonly count: number }>(
              `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sluice' AND state <> 'idle'`,
            )
            return found?.count ?? 0
          },
          close,
        }
      },
      {
        leaveOut: [
          'a saturated writer stops reads, which then go on', // its chunks have many rows: see below
          'memory is bounded',
        ],
      },
    ),
  )
})

describe('postgresRows of long rows, a few a chunk', () => {
  const wide = schema('id int not null, pad string not null')
  runAll(
    streamReaderSuite(async () => {
      const { url, rows, close } = await openDatabase(serverUrl())
      await rows('CREATE TABLE numbers (id int PRIMARY KEY, pad text NOT NULL)')
      let last = 0
      return {
        source: postgresRows({ url, table: 'numbers', schema: wide, id: 'id', appendOnly: true, partitions: 1 }),
        add: async (more) => {
          const values = [last + 1, last + more]
          await rows(
            `INSERT INTO numbers SELECT id, repeat('x', 300000) FROM generate_series($1::int, $2::int) AS id`,
            values,
          )
          last += more
        },
        close,
      }
    }).filter(
      ({ name }) => name === 'a saturated writer stops reads, which then go on' || name === 'memory is bounded',
    ),
  )
})

describe.each(['append', 'upsert'] as const)('postgresTable, %s', (mode) => {
  runAll(
    streamWriterSuite(
      async () => {
        const { url, rows, close } = await openDatabase(serverUrl())
        await rows(`CREATE TABLE numbers (id int ${mode === 'upsert' ? 'PRIMARY KEY' : 'NOT NULL'})`)
        const keyed = mode === 'upsert' ? ({ mode, key: ['id'] } as const) : {}
        return {
          sink: postgresTable({ url, table: 'numbers', ...keyed }),
          schema: row,
          secrets: [passwordOf(url)],
          row: (id: number) => ({ id }),
          ids: async () => (await rows<{ readonly id: number }>('SELECT id FROM numbers')).map(({ id }) => id),
          fail: async () => {
            await rows('DROP TABLE numbers')
            return 'numbers'
          },
          close,
        }
      },
      { leaveOut: mode === 'upsert' ? ['two equal rows are two rows'] : [] },
    ), // by its key it is one row
  )
})

describe('the log in the sink’s database', () => {
  runAll(
    checkpointSuite(async () => {
      const { url, rows, close } = await openDatabase(serverUrl())
      // As the server does with the connections of a process that is gone.
      const kill = () =>
        rows(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
              WHERE datname = current_database() AND application_name = 'sluice'`)
      return { checkpoint: () => postgresTable({ url, table: 'numbers' }).checkpoint, kill, close }
    }),
  )
})
