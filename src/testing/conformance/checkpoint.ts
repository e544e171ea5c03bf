import assert from 'node:assert/strict'
import type { Checkpoint, CheckpointSession, LogRecord } from '../../checkpoint/checkpoint.ts'
import { encodeJournal } from '../../checkpoint/journal.ts'
import { CheckpointCorruptError, CheckpointLockedError, SluiceError } from '../../errors.ts'
import type { Result } from '../../result.ts'
import {
  type ConformanceTest,
  chunksOf,
  done,
  hook,
  type SuiteOptions,
  settled,
  suiteOf,
  type UnderTest,
} from './conformance-test.ts'

/** A store, fresh and empty for each test. */
export interface CheckpointUnderTest extends UnderTest {
  /** A handle on the store, as a new process would make it. */
  readonly checkpoint: () => Checkpoint
  /**
   * Does to the session that is open what the death of its process does: it is dropped without its `close`, what isn't durable is gone, and its lease is free for the next
   * handle. A database's session loses its connection (ended from another one), files are copied as they are and the next handle is one on the copy, a session in a
   * process of its own is killed.
   */
  readonly kill?: () => Result<unknown>
}

/** The names of the tests of {@link checkpointSuite}. */
export type CheckpointTest =
  | 'a new query is empty'
  | 'the query id stays'
  | 'a planned batch is pending after a restart'
  | 'a finished batch is done after a restart'
  | 'an abandoned batch is finished'
  | 'any JSON in partitions is kept'
  | 'a record may be written again, and not with other content'
  | 'no gap is written'
  | 'a second opener is refused'
  | 'the epoch grows with each open'
  | 'a closed session writes nothing'
  | 'other sources are refused'
  | 'journals are kept with their batch'
  | 'a journal without a plan is forgotten'
  | 'many batches stay in order'
  | 'what was written outlives a crash'

/**
 * What every checkpoint has to do, as a list of tests for any runner.
 *
 * ```ts
 * for (const { name, run } of checkpointSuite(() => ({ checkpoint: () => myCheckpoint(url), kill: () => endConnections(url) }))) test(name, run)
 * ```
 *
 * @throws OptionError
 */
export function checkpointSuite(
  make: () => Result<CheckpointUnderTest>,
  options: SuiteOptions<CheckpointTest> = {},
): readonly ConformanceTest<CheckpointTest>[] {
  const scene = async ({ checkpoint }: CheckpointUnderTest, use: (store: Store) => Promise<void>): Promise<void> => {
    const store = new Store(checkpoint)
    try {
      await use(store)
    } finally {
      await store.close()
    }
  }
  const tests: Readonly<Record<CheckpointTest, (made: CheckpointUnderTest) => Promise<void>>> = {
    'a new query is empty': (made) =>
      scene(made, async (store) => assert.deepEqual((await store.open()).recovered, {})),
    'the query id stays': (made) =>
      scene(made, async (store) => {
        const { queryId } = await store.open()
        assert.ok(queryId.length > 0)
        assert.equal((await store.open()).queryId, queryId)
      }),
    'a planned batch is pending after a restart': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0))
        const { recovered } = await store.open()
        assert.deepEqual(recovered, { ...initial, pending: plan(store, 0).plan })
      }),
    'a finished batch is done after a restart': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0), finished(0), plan(store, 1))
        assert.deepEqual((await store.open()).recovered, {
          ...initial,
          done: plan(store, 0).plan,
          pending: plan(store, 1).plan,
        })
        await write(store.session, finished(1))
        assert.deepEqual((await store.open()).recovered, { ...initial, done: plan(store, 1).plan })
      }),
    'an abandoned batch is finished': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0), { done: 0, outcome: 'abandoned' })
        const { recovered } = await store.open()
        assert.deepEqual(recovered, { ...initial, done: plan(store, 0).plan })
        await refused(store, finished(0), CheckpointCorruptError, 'an abandoned batch was committed')
      }),
    'any JSON in partitions is kept': (made) =>
      scene(made, async (store) => {
        const partitions = [
          { from: 0.5, to: null },
          'a "text"\nin two lines\u2028',
          [1, [true, []]],
          { '': { ключ: '💧' } },
        ]
        await write(await store.open(), initial, plan(store, 0, partitions))
        assert.deepEqual((await store.open()).recovered.pending?.partitions, partitions)
      }),
    'a record may be written again, and not with other content': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0))
        await write(await store.open(), plan(store, 0))
        await refused(store, plan(store, 0, [{ other: true }]), CheckpointCorruptError, 'a plan was overwritten')
        assert.deepEqual((await store.open()).recovered.pending, plan(store, 0).plan)
      }),
    'no gap is written': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0))
        await refused(store, finished(1), SluiceError, 'a batch was finished that was not planned')
        await store.open()
        await refused(store, plan(store, 1), SluiceError, 'a batch was planned before the last one was finished')
        assert.deepEqual((await store.open()).recovered.pending, plan(store, 0).plan)
      }),
    'a second opener is refused': (made) =>
      scene(made, async (store) => {
        await store.open()
        // More than once: whoever is refused may not let go of what isn't his.
        for (let again = 0; again < 2; again++)
          await assert.rejects(store.another(), CheckpointLockedError, 'two sessions are open at once')
        await write(store.session, initial, plan(store, 0))
        assert.deepEqual((await store.open()).recovered.pending, plan(store, 0).plan)
        await store.close()
        const race = await Promise.allSettled(Array.from({ length: 4 }, () => store.another()))
        const won = race.filter((one) => one.status === 'fulfilled')
        for (const { value } of won) await done(() => value.close(), 'close')
        assert.ok(won.length <= 1, `${won.length} of four that opened it at the same time hold it`)
        for (const one of race)
          if (one.status === 'rejected') assert.ok(one.reason instanceof CheckpointLockedError, String(one.reason))
        await store.open()
      }),
    'the epoch grows with each open': (made) =>
      scene(made, async (store) => {
        let { epoch } = await store.open()
        for (let again = 0; again < 3; again++) {
          const next = (await store.open()).epoch
          assert.ok(next > epoch, `epoch ${next} after ${epoch}`)
          epoch = next
        }
      }),
    'a closed session writes nothing': (made) =>
      scene(made, async (store) => {
        const before = await store.open()
        await store.open()
        await assert.rejects(async () => write(before, initial), SluiceError, 'a closed session wrote')
        assert.deepEqual((await store.open()).recovered, {})
      }),
    'other sources are refused': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, plan(store, 0))
        await store.close()
        await assert.rejects(
          store.another(['another']),
          CheckpointCorruptError,
          'a checkpoint of other sources was opened',
        )
        assert.deepEqual((await store.open()).recovered.pending, plan(store, 0).plan)
      }),
    'journals are kept with their batch': (made) =>
      scene(made, async (store) => {
        const chunks = [[{ at: new Date(0), big: 9_007_199_254_740_993n, bytes: new Uint8Array([0, 255]) }], [], [1, 2]]
        const journal = chunks.map((rows): LogRecord => ({ journal: 0, rows: encodeJournal(rows) }))
        await write(await store.open(), initial, ...journal, plan(store, 0))
        assert.deepEqual(await store.journal(0), chunks)
        await store.open()
        assert.deepEqual(await store.journal(0), chunks)
        assert.deepEqual(await store.journal(1), [])
      }),
    'a journal without a plan is forgotten': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial, { journal: 0, rows: encodeJournal(['old']) })
        await store.open()
        await write(store.session, { journal: 0, rows: encodeJournal(['new']) }, plan(store, 0))
        assert.deepEqual(await store.journal(0), [['new']])
      }),
    'many batches stay in order': (made) =>
      scene(made, async (store) => {
        await write(await store.open(), initial)
        for (let id = 0; id < 15; id++) {
          await write(store.session, ...(id === 0 ? [] : [finished(id - 1)]), plan(store, id))
          if (id % 4 !== 0) continue
          const { recovered } = await store.open()
          assert.equal(recovered.pending?.batchId, id)
          assert.equal(recovered.done?.batchId, id === 0 ? undefined : id - 1)
        }
      }),
    'what was written outlives a crash': (made) =>
      scene(made, async (store) => {
        const kill = hook(made.kill, 'kill', 'what was written outlives a crash')
        const rows: LogRecord = { journal: 0, rows: encodeJournal(['a']) }
        const before = await store.open()
        await write(before, initial, rows, plan(store, 0))
        const planned = await store.crash(kill)
        assert.equal(planned.queryId, before.queryId, 'the query has another id after a crash')
        assert.ok(planned.epoch > before.epoch, `epoch ${planned.epoch} after ${before.epoch}`)
        assert.deepEqual(planned.recovered, { ...initial, pending: plan(store, 0).plan })
        assert.deepEqual(await store.journal(0), [['a']])
        await write(planned, finished(0), plan(store, 1))
        const replanned = await store.crash(kill)
        assert.deepEqual(replanned.recovered, { ...initial, done: plan(store, 0).plan, pending: plan(store, 1).plan })
        await write(replanned, { done: 1, outcome: 'abandoned' })
        assert.deepEqual((await store.crash(kill)).recovered, { ...initial, done: plan(store, 1).plan })
      }),
  }
  return suiteOf('checkpointSuite', make, tests, options)
}

/** A store whose last session is the one that is open. */
class Store {
  readonly #checkpoint: () => Checkpoint
  #session: CheckpointSession | undefined

  constructor(checkpoint: () => Checkpoint) {
    this.#checkpoint = checkpoint
  }

  get session(): CheckpointSession {
    assert.ok(this.#session !== undefined)
    return this.#session
  }

  /** Closes what is open, and opens it as the next process would. */
  async open(): Promise<CheckpointSession> {
    await this.close()
    this.#session = await this.another()
    return this.#session
  }

  /** The process of what is open dies, and the next one opens it. */
  async crash(kill: () => Result<unknown>): Promise<CheckpointSession> {
    this.#session = undefined
    await done(kill, 'kill')
    this.#session = await this.another()
    return this.#session
  }

  async another(sources: readonly string[] = ['conformance']): Promise<CheckpointSession> {
    return settled(() => this.#checkpoint().open({ sources }), 'open')
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) await done(() => session.close(), 'close')
  }

  async journal(batchId: number): Promise<readonly unknown[]> {
    const chunks: unknown[] = []
    for await (const chunk of chunksOf(this.session.readJournal?.(batchId) ?? [])) chunks.push(chunk)
    return chunks
  }
}

const initial = { initial: { seq: 0 } } as const

function plan({ session }: Store, batchId: number, partitions: readonly unknown[] = [{ at: batchId }]) {
  const { queryId } = session
  return { plan: { queryId, batchId, start: { seq: batchId }, end: { seq: batchId + 1 }, partitions } }
}

function finished(batchId: number): LogRecord {
  return { done: batchId, outcome: 'committed' }
}

function write(session: CheckpointSession, ...records: LogRecord[]): Promise<unknown> {
  return done(() => session.write(records), 'write')
}

async function refused(
  { session }: Store,
  record: LogRecord,
  error: typeof CheckpointCorruptError | typeof SluiceError,
  otherwise: string,
): Promise<void> {
  await assert.rejects(async () => write(session, record), error, otherwise)
}
