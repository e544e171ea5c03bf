import { expect, test } from 'vitest'
import type { Checkpoint, CheckpointSession, LogRecord } from '../../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import {
  type CheckpointTest,
  type CheckpointUnderTest,
  checkpointSuite,
} from '../../../src/testing/conformance/checkpoint.ts'
import { failuresOf } from './failures.ts'

type Change = (session: CheckpointSession, store: { opened: number }) => Partial<CheckpointSession>
interface Wrong {
  readonly session?: Change
  readonly open?: (inner: Checkpoint) => Checkpoint['open']
}

function checkpointThat({ session: change = () => ({}), open }: Wrong): () => CheckpointUnderTest {
  return () => {
    const inner = memoryCheckpoint()
    const store = { opened: 0 }
    const opens = open?.(inner) ?? inner.open
    let last: CheckpointSession | undefined
    const checkpoint: Checkpoint = {
      open: (query) => {
        const session = opens(query) as CheckpointSession
        store.opened++
        last = session
        return { ...session, ...change(session, store) }
      },
    }
    // What is behind it stays: its own memory and its close are gone.
    return { checkpoint: () => checkpoint, kill: () => last?.close() }
  }
}

const without =
  (matches: (record: LogRecord) => boolean): Change =>
  (session) => ({ write: (records) => session.write(records.filter((record) => !matches(record))) })

/** Whatever is refused is taken as if it had been written. */
const lenient: Change = (session) => ({
  write: (records) => {
    try {
      return session.write(records)
    } catch {
      return undefined
    }
  },
})

const wrong: Readonly<Record<CheckpointTest, Wrong>> = {
  'a new query is empty': { session: () => ({ recovered: { initial: { seq: 0 } } }) },
  'the query id stays': { session: (_, { opened }) => ({ queryId: `query ${opened}` }) },
  'a planned batch is pending after a restart': { session: without((record) => 'plan' in record) },
  'a finished batch is done after a restart': {
    session: (session) => ({
      recovered: session.recovered.initial === undefined ? {} : { initial: session.recovered.initial },
    }),
  },
  'an abandoned batch is finished': { session: lenient },
  'any JSON in partitions is kept': {
    session: (session) => {
      const { pending, ...rest } = session.recovered
      return pending === undefined
        ? {}
        : { recovered: { ...rest, pending: { ...pending, partitions: pending.partitions.map(String) } } }
    },
  },
  'a record may be written again, and not with other content': { session: lenient },
  'no gap is written': { session: lenient },
  'a second opener is refused': {
    open: (inner) => {
      let last: CheckpointSession | undefined
      return (query) => {
        last?.close()
        last = inner.open(query) as CheckpointSession
        return last
      }
    },
  },
  'the epoch grows with each open': { session: () => ({ epoch: 1 }) },
  'a closed session writes nothing': { session: lenient },
  'other sources are refused': { open: (inner) => () => inner.open({ sources: ['conformance'] }) },
  'journals are kept with their batch': {
    session: (session) => ({ readJournal: () => session.readJournal?.(0) ?? [] }),
  },
  'a journal without a plan is forgotten': {
    session: (session) => ({ readJournal: () => [['old'], ['new']] as never[][], queryId: session.queryId }),
  },
  'many batches stay in order': { session: without((record) => 'done' in record) },
  'what was written outlives a crash': {
    session: (session) => {
      const kept: LogRecord[] = []
      const close = async () => {
        await session.write(kept)
        await session.close()
      }
      return { write: (records) => kept.push(...records), close }
    },
  },
}

test.each(Object.entries(wrong) as [CheckpointTest, Wrong][])(
  'a checkpoint that breaks "%s" is found out',
  async (name, change) => {
    const suite = checkpointSuite(checkpointThat(change)).filter((one) => one.name === name)
    expect(await failuresOf(suite)).toHaveProperty('size', 1)
  },
)

test('nothing is held against a checkpoint that does everything right', async () => {
  expect(await failuresOf(checkpointSuite(checkpointThat({})))).toEqual(new Map())
})
