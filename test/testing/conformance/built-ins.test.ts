import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { console } from '../../../src/connectors/console/sink.ts'
import { forEachBatch } from '../../../src/connectors/for-each-batch/sink.ts'
import { readJsonLines } from '../../../src/connectors/json-lines/read.ts'
import { jsonLines } from '../../../src/connectors/json-lines/sink.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { noop } from '../../../src/connectors/noop/sink.ts'
import { rate } from '../../../src/connectors/rate/source.ts'
import { bearer } from '../../../src/connectors/rest/auth/bearer.ts'
import { cursorPagination } from '../../../src/connectors/rest/pagination/cursor.ts'
import { httpSink } from '../../../src/connectors/rest/sink/sink.ts'
import { rest } from '../../../src/connectors/rest/source/rest.ts'
import { OptionError } from '../../../src/errors.ts'
import { schema } from '../../../src/schema.ts'
import { checkpointSuite } from '../../../src/testing/conformance/checkpoint.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { streamWriterSuite, type WriterUnderTest } from '../../../src/testing/conformance/stream-writer.ts'
import { collection, idempotentStore } from '../../support/http-apis.ts'
import { status } from '../../support/http-faults.ts'
import { httpServer } from '../../support/http-server.ts'
import { failuresOf } from './failures.ts'
import { killableFiles, killableSqlite } from './killable-checkpoints.ts'
import { runAll } from './run-all.ts'

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
  return { path, remove: () => rmSync(path, { recursive: true }) }
}

const upTo = (count: number): { readonly id: number }[] => Array.from({ length: count }, (_, id) => ({ id }))

describe('memoryStream', () => {
  const leaveOut = [
    'an abort reaches a read', // it holds nothing that could stay open
    'errors keep their cause', // it can't fail
    'secrets are not told', // it has none
  ] as const
  runAll(
    streamReaderSuite(
      () => {
        const source = memoryStream<{ id: number }>({ partitions: 2, chunkRows: 1 })
        const add = (rows: number) => source.add(...upTo(source.size + rows).slice(source.size))
        return { source, add }
      },
      { leaveOut },
    ),
  )
})

describe('rate', () => {
  runAll(
    streamReaderSuite(
      () => {
        let time = 0
        const source = rate({ partitions: 2, startTime: 0, now: () => time })
        // Row n is there once its second has come.
        let rows = 0
        const add = (more: number) => {
          rows += more
          time = (rows - 1) * 1_000
        }
        time = -1
        return { source, add }
      },
      {
        leaveOut: [
          'an abort reaches a read', // it holds nothing that could stay open
          'a saturated writer stops reads, which then go on', // its chunks have a thousand rows
          'memory is bounded',
          'errors keep their cause', // it can't fail
          'secrets are not told', // it has none
        ],
      },
    ),
  )
})

const item = schema('id int not null')

describe('rest', () => {
  const secret = 'hunter2-of-the-api'
  const leaveOut = [
    'a saturated writer stops reads, which then go on', // its pages of one range make one chunk, up to a thousand rows
    'memory is bounded',
  ] as const
  runAll(
    streamReaderSuite(
      async () => {
        const server = await httpServer()
        const items: { id: number }[] = []
        server.routes.set(
          '/items',
          collection(() => items, { paging: 'cursor', pageSize: 1 }),
        )
        const source = rest({
          url: `${server.url}/items`,
          schema: item,
          params: { sort: 'id' },
          auth: bearer(secret),
          pagination: cursorPagination({ param: 'cursor', next: 'next_cursor' }),
          cursor: { field: 'id', key: 'id', param: 'id_gte' },
          retry: { maxAttempts: 1 },
        })
        return {
          source,
          secrets: [secret],
          add: (rows: number) => {
            for (let more = 0; more < rows; more++) items.push({ id: items.length })
          },
          fail: () => {
            server.fault(status(503, {}, `broken, ${secret}`))
            return '503'
          },
          openReads: () => server.atOnce,
          close: () => server.close(),
        }
      },
      { leaveOut },
    ),
  )
})

describe('memorySink', () => {
  runAll(
    streamWriterSuite(
      () => {
        const sink = memorySink<{ id: number }>()
        return { sink, row: (id: number) => ({ id }), ids: () => sink.rows.map(({ id }) => id) }
      },
      { leaveOut: ['errors keep their cause', 'secrets are not told'] }, // it can't fail, and has none
    ),
  )
})

describe('jsonLines', () => {
  runAll(
    streamWriterSuite(
      () => {
        const { path, remove } = folder()
        const ids = async () => {
          const found: number[] = []
          for await (const row of readJsonLines(path)) found.push((row as { id: number }).id)
          return found
        }
        const fail = () => {
          rmSync(path, { recursive: true })
          writeFileSync(path, 'a file where the folder was')
          return 'ENOTDIR'
        }
        return { sink: jsonLines({ path }), row: (id: number) => ({ id }), ids, fail, close: remove }
      },
      { leaveOut: ['secrets are not told'] }, // it has none
    ),
  )
})

/** What a function that takes each batch does with it, by its guarantee. */
const applied = {
  append: (rows: readonly { id: number }[], _key: string, state: number[]) =>
    void state.push(...rows.map(({ id }) => id)),
  key: (rows: readonly { id: number }[], _key: string, state: number[]) => {
    for (const { id } of rows) if (!state.includes(id)) state.push(id)
  },
}

describe.each(['append', 'key', 'transactional'] as const)('forEachBatch: %s', (kind) => {
  runAll(
    streamWriterSuite(
      (): WriterUnderTest<{ id: number }, readonly (readonly { id: number }[])[]> => {
        const state: number[] = []
        const batches = new Set<string>()
        let broken: Error | undefined
        const sink = forEachBatch<{ id: number }>(
          (rows, { queryId, batchId }, { sinkId }) => {
            if (broken !== undefined) throw broken
            const key = `${queryId}/${sinkId}/${batchId}`
            if (kind === 'transactional' && batches.has(key)) return
            batches.add(key)
            applied[kind === 'key' ? 'key' : 'append'](rows, key, state)
          },
          { guarantee: kind === 'key' ? { idempotent: 'key' } : kind },
        )
        const fail = () => {
          broken = new Error('no space left')
          return broken
        }
        return { sink, row: (id) => ({ id }), ids: () => state, fail }
      },
      { leaveOut: ['secrets are not told'] }, // it has none
    ),
  )
})

describe('console', () => {
  runAll(
    streamWriterSuite(
      () => {
        const texts: string[] = []
        let broken: Error | undefined
        const write = (text: string) => {
          if (broken !== undefined) throw broken
          texts.push(text)
        }
        const ids = () =>
          texts.flatMap((text) => (JSON.parse(text) as { rows: readonly { id: number }[] }).rows.map(({ id }) => id))
        const fail = () => {
          broken = new Error('the pipe is closed')
          return broken
        }
        return { sink: console({ format: 'json', write }), row: (id: number) => ({ id }), ids, fail }
      },
      { leaveOut: ['secrets are not told'] }, // it has none
    ),
  )
})

describe('noop', () => {
  test('takes everything, and shows nothing: every test that looks for rows fails', async () => {
    const suite = streamWriterSuite(() => ({ sink: noop(), row: (id: number) => ({ id }), ids: () => [] }))
    expect((await failuresOf(suite)).size).toBe(suite.length)
  })
})

describe('httpSink', () => {
  const secret = 'hunter2-of-the-receiver'
  runAll(
    streamWriterSuite(async () => {
      const store = idempotentStore(() => false)
      const server = await httpServer({ '/rows': store.route })
      return {
        sink: httpSink<{ id: number }>({
          url: `${server.url}/rows`,
          batchSize: 2,
          auth: bearer(secret),
          retry: { maxAttempts: 1 },
        }),
        row: (id: number) => ({ id }),
        ids: () => (store.rows as { id: number }[]).map(({ id }) => id),
        secrets: [secret],
        fail: () => {
          server.fault(status(503, {}, `broken, ${secret}`))
          return '503'
        },
        close: () => server.close(),
      }
    }),
  )
})

describe('memoryCheckpoint', () => {
  runAll(
    checkpointSuite(
      () => {
        const checkpoint = memoryCheckpoint()
        return { checkpoint: () => checkpoint }
      },
      { leaveOut: ['what was written outlives a crash'] }, // it ends with its process, and says so
    ),
  )
})

describe.each([
  ['fileCheckpoint', killableFiles],
  ['sqliteCheckpoint', killableSqlite],
] as const)('%s', (_name, make) => {
  runAll(checkpointSuite(() => make()))
})

test('a test is left out by its name only', () => {
  const make = () => ({ checkpoint: () => memoryCheckpoint() })
  expect(() => checkpointSuite(make, { leaveOut: ['no such test' as never] })).toThrow(OptionError)
  expect(checkpointSuite(make, { leaveOut: ['no gap is written'] }).map(({ name }) => name)).not.toContain(
    'no gap is written',
  )
})
