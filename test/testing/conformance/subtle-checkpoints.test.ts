import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Checkpoint, CheckpointSession } from '../../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { CheckpointLockedError } from '../../../src/errors.ts'
import { checkpointSuite } from '../../../src/testing/conformance/checkpoint.ts'
import { failuresOf } from './failures.ts'

/** A lease of its own over the store of another checkpoint, whose lease is let go at once. */
function leased(take: (held: { by: object | undefined }, me: object) => Promise<void>): () => Checkpoint {
  const inner = memoryCheckpoint()
  const held: { by: object | undefined } = { by: undefined }
  const last: { session?: CheckpointSession } = {}
  return () => ({
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
}
const locked = () => new CheckpointLockedError('this checkpoint is in use by another process')

test('nothing is held against a lease that is taken in one step', async () => {
  const make = () => {
    const checkpoint = leased(async (held, me) => {
      if (held.by !== undefined) throw locked()
      held.by = me
      await turn()
    })
    return { checkpoint }
  }
  expect(await failuresOf(checkpointSuite(make))).toEqual(new Map())
})

test('a lease that is looked at and then taken, so that two hold it, is found out', async () => {
  const make = () => {
    const checkpoint = leased(async (held, me) => {
      if (held.by !== undefined) throw locked()
      await turn()
      held.by = me
    })
    return { checkpoint }
  }
  expect([...(await failuresOf(checkpointSuite(make))).keys()]).toEqual(['a second opener is refused'])
})

test('a lease that whoever is refused lets go of is found out', async () => {
  const make = () => {
    const checkpoint = leased(async (held, me) => {
      if (held.by !== undefined) {
        held.by = undefined // cleans up after itself, it thinks
        throw locked()
      }
      held.by = me
    })
    return { checkpoint }
  }
  expect([...(await failuresOf(checkpointSuite(make))).keys()]).toEqual(['a second opener is refused'])
})
