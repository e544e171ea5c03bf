import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import type { FilesOptions } from '../../../src/connectors/files/options.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { schema } from '../../../src/schema.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow } from '../../../src/trigger.ts'

export const row = schema('id bigint not null, name string')

/** A folder that is removed with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-files-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A query over a folder whose checkpoint outlives its runs; each run is a new process as far as the source is concerned. */
export function queryOver(options: Partial<FilesOptions> = {}) {
  const folder = temporaryFolder()
  const state = temporaryFolder()
  const checkpoint = memoryCheckpoint()
  const run = async (
    over: Partial<FilesOptions> = {},
    query: {
      readonly limit?: { readonly maxRows?: number; readonly maxFiles?: number; readonly maxBytes?: number }
      readonly mode?: 'failFast' | 'permissive'
    } = {},
  ): Promise<{ readonly rows: object[]; readonly batches: number[] }> => {
    const sink = memorySink<object>()
    const source = files({
      path: folder,
      format: 'jsonLines',
      schema: row,
      state,
      settle: 0,
      ...options,
      ...over,
    } as FilesOptions<object, false>)
    const batches: number[] = []
    const stream = readStream(source).writeStream(sink, {
      name: 'files',
      checkpoint,
      trigger: availableNow(),
      retry: { maxAttempts: 1 },
      ...query,
    })
    const counted = new Promise<void>((resolve, reject) =>
      stream.subscribe({ next: ({ numInputRows }) => batches.push(numInputRows), error: reject, complete: resolve }),
    )
    await counted
    return { rows: [...sink.rows], batches }
  }
  return { folder, state, run }
}
