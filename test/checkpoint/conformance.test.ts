import { join } from 'node:path'
import Database from 'better-sqlite3'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { checkpointConformance } from './conformance.ts'
import { temporaryFolder } from './temporary-folder.ts'

checkpointConformance('memoryCheckpoint', (options) => {
  const checkpoint = memoryCheckpoint(options)
  return { checkpoint: () => checkpoint, cleanup: () => {} }
})

checkpointConformance('fileCheckpoint', (options) => {
  const folder = temporaryFolder()
  return { checkpoint: () => fileCheckpoint(join(folder.path, 'a', 'b'), options), cleanup: folder.remove }
})

checkpointConformance('sqliteCheckpoint', (options) => {
  const folder = temporaryFolder()
  return { checkpoint: () => sqliteCheckpoint(join(folder.path, 'a', 'log.db'), options), cleanup: folder.remove }
})

checkpointConformance('sqliteCheckpoint on better-sqlite3', (options) => {
  const folder = temporaryFolder()
  const database = (file: string) => new Database(file)
  return {
    checkpoint: () => sqliteCheckpoint(join(folder.path, 'a', 'log.db'), { ...options, database }),
    cleanup: folder.remove,
  }
})
