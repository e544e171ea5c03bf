import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { filesSink } from '../../../src/connectors/files/sink.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { schema } from '../../../src/schema.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { runAll } from '../../testing/conformance/run-all.ts'
import { parquetIds, plainIds } from '../shown-ids.ts'

const row = schema('id int not null')

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'sluice-files-suite-'))
  return { path, close: () => rmSync(path, { recursive: true, force: true }) }
}

/** Files below a folder that this process has open. */
function openBelow(path: string): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(path)
    } catch {
      return false // the one that lists them
    }
  }).length
}

describe('files', () => {
  runAll(
    streamReaderSuite(
      () => {
        const { path, close } = folder()
        const input = join(path, 'in')
        mkdirSync(input)
        let rows = 0
        const made = files({ path: input, format: 'jsonLines', schema: row, state: join(path, 'state'), settle: 0 })
        // A file has one row here, and batches are limited by files.
        const streamReader = () => {
          const reader = made.streamReader()
          const latestOffset: typeof reader.latestOffset = (start, limit) =>
            reader.latestOffset(start, { ...limit, maxFiles: Math.min(limit.maxFiles, limit.maxRows) })
          return { ...reader, latestOffset }
        }
        return {
          source: { ...made, streamReader },
          add: (more) => {
            for (let each = 0; each < more; each++) {
              const file = join(input, String(rows).padStart(4, '0'))
              writeFileSync(file, `{"id":${rows}}\n`)
              utimesSync(file, 1_000 + rows, 1_000 + rows)
              rows++
            }
          },
          fail: () => {
            for (const name of readdirSync(input)) writeFileSync(join(input, name), '{"id":')
            return 'not JSON'
          },
          openReads: () => openBelow(input),
          close,
        }
      },
      {
        leaveOut: ['secrets are not told'], // it has none
      },
    ),
  )
})

describe.each([
  ['jsonLines', (path: string) => plainIds(path)],
  ['parquet', (path: string) => parquetIds(path)],
] as const)('filesSink, %s', (format, idsIn) => {
  runAll(
    streamWriterSuite(
      () => {
        const { path, close } = folder()
        const out = join(path, 'out')
        return {
          sink: filesSink({ path: out, format }),
          schema: row,
          row: (id: number) => ({ id }),
          ids: () => idsIn(out),
          fail: () => {
            rmSync(out, { recursive: true, force: true })
            writeFileSync(out, 'a file where the folder was')
            return 'ENOTDIR'
          },
          close,
        }
      },
      { leaveOut: ['secrets are not told'] }, // it has none
    ),
  )
})
