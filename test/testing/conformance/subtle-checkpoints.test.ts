import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Checkpoint, CheckpointSession } from '../../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import type { SqliteDatabase } from '../../../src/checkpoint/sqlite-database.ts'
import { CheckpointLockedError } from '../../../src/errors.ts'
import { type CheckpointUnderTest, checkpointSuite } from '../../../src/testing/conformance/checkpoint.ts'
import { failuresOf } from './failures.ts'
import { killableSqlite } from './killable-checkpoints.ts'

/** A lease of its own over the store of another checkpoint, whose lease is let go at once. */
function leased(take: (held: { by: object | undefined }, me: object) => Promise<void>): CheckpointUnderTest {
  const inner = memoryCheckpoint()
  const held: { by: object | undefined } = { by: undefined }
  const last: { session?: CheckpointSession } = {}
  const checkpoint = (): Checkpoint => ({
    open: async (query) => {
      const me = {}
      await take(held, me)
      last.session?.close()
      let session: CheckpointSession
      try {
        session = (await inner.open(query)) as CheckpointSession
      } catch (error) {
        held.by = undefined
        throw error
      }
      last.session = session
      return {
        ...session,
        close: async () => {
          if (held.by === me) held.by = undefined
          await session.close()
        },
      }
    },
  })
  const kill = () => {
    held.by = undefined
  }
  return { checkpoint, kill }
}
const locked = () => new CheckpointLockedError('this checkpoint is in use by another process')

test('nothing is held against a lease that is taken in one step', async () => {
  const make = () =>
    leased(async (held, me) => {
      if (held.by !== undefined) throw locked()
      held.by = me
      await turn()
    })
  expect(await failuresOf(checkpointSuite(make))).toEqual(new Map())
})

test('a lease that is looked at and then taken, so that two hold it, is found out', async () => {
  const make = () =>
    leased(async (held, me) => {
      if (held.by !== undefined) throw locked()
      await turn()
      held.by = me
    })
  expect([...(await failuresOf(checkpointSuite(make))).keys()]).toEqual(['a second opener is refused'])
})

test('a lease that whoever is refused lets go of is found out', async () => {
  const make = () =>
    leased(async (held, me) => {
      if (held.by !== undefined) {
        held.by = undefined // cleans up after itself, it thinks
        throw locked()
      }
      held.by = me
    })
  expect([...(await failuresOf(checkpointSuite(make))).keys()]).toEqual(['a second opener is refused'])
})

test('a transaction that is left open, so that all is durable only at close, is found out by a crash, and by nothing else', async () => {
  const leftOpen = (file: string) => {
    const database = new DatabaseSync(file)
    const exec = (sql: string): void => {
      if (sql === 'BEGIN IMMEDIATE') {
        if (!database.isTransaction) database.exec(sql)
      } else if (sql !== 'COMMIT') database.exec(sql)
    }
    const close = (): void => {
      if (database.isTransaction) database.exec('COMMIT')
      database.close()
    }
    return { exec, prepare: (sql: string) => database.prepare(sql), close } as SqliteDatabase
  }
  const failures = await failuresOf(checkpointSuite(() => killableSqlite(leftOpen)))
  expect([...failures.keys()]).toEqual(['what was written outlives a crash'])
})
