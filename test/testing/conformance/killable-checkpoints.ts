import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Checkpoint, CheckpointSession } from '../../../src/checkpoint/checkpoint.ts'
import { fileCheckpointOn } from '../../../src/checkpoint/file.ts'
import { nodeFileSystem } from '../../../src/checkpoint/file-system.ts'
import { nodeProcesses, type Processes } from '../../../src/checkpoint/process-identity.ts'
import { sqliteCheckpoint } from '../../../src/checkpoint/sqlite.ts'
import type { SqliteFactory } from '../../../src/checkpoint/sqlite-database.ts'
import type { CheckpointUnderTest } from '../../../src/testing/conformance/checkpoint.ts'

/** A checkpoint in files of which a copy is made, as they are at the moment, when its process dies; the next one works on the copy. */
function onCopies(checkpointIn: (folder: string) => Checkpoint): CheckpointUnderTest {
  const base = mkdtempSync(join(tmpdir(), 'sluice-killable-'))
  const open = new Set<CheckpointSession>()
  let copies = 0
  const folder = () => join(base, String(copies))
  mkdirSync(folder())
  return {
    checkpoint: () => {
      const inner = checkpointIn(folder())
      return {
        ...inner,
        open: async (query) => {
          const session = (await inner.open(query)) as CheckpointSession
          open.add(session)
          return session
        },
      }
    },
    kill: () => {
      const before = folder()
      copies++
      cpSync(before, folder(), { recursive: true })
    },
    close: async () => {
      // Those that are dead are open in this process all the same.
      for (const session of open) await session.close()
      rmSync(base, { recursive: true })
    },
  }
}

/** @param database opens it otherwise. */
export function killableSqlite(database?: SqliteFactory): CheckpointUnderTest {
  return onCopies((folder) => sqliteCheckpoint(join(folder, 'log.db'), { ...(database && { database }) }))
}

export function killableFiles(): CheckpointUnderTest {
  // Each copy is opened by a process of another start, so that the holder of the lease in it is gone.
  const processesOf = (folder: string): Processes => {
    const self = () => ({ ...nodeProcesses.self(), startTime: folder })
    return { self, liveness: ({ startTime }) => (startTime === folder ? 'alive' : 'dead') }
  }
  return onCopies((folder) =>
    fileCheckpointOn(
      { files: nodeFileSystem, processes: processesOf(folder), now: Date.now },
      join(folder, 'checkpoint'),
      {},
    ),
  )
}
