import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { deltaTable } from '../../../src/connectors/delta/delta-table.ts'
import { schema } from '../../../src/schema.ts'
import { streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { runAll } from '../../testing/conformance/run-all.ts'
import { filesOfDeltaLog, idsInParquet } from '../shown-ids.ts'

// The table as a source is read from end to end: it has no stream reader for the suite of those.
describe('deltaTable', () => {
  runAll(
    streamWriterSuite(
      () => {
        const folder = mkdtempSync(join(tmpdir(), 'sluice-delta-suite-'))
        const path = join(folder, 'table')
        return {
          sink: deltaTable({ path }),
          schema: schema('id int not null'),
          row: (id: number) => ({ id }),
          ids: () => idsInParquet(filesOfDeltaLog(path)),
          fail: () => {
            rmSync(path, { recursive: true, force: true })
            writeFileSync(path, 'a file where the folder was')
            return 'ENOTDIR'
          },
          close: () => rmSync(folder, { recursive: true, force: true }),
        }
      },
      { leaveOut: ['secrets are not told'] }, // it has none
    ),
  )
})
