import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { BatchOutcome, PlannedBatch } from '../../src/batch.ts'
import type { Checkpoint, CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import {
  CheckpointCorruptError,
  CheckpointLockedError,
  CheckpointWriteError,
  OffsetError,
  PortError,
} from '../../src/errors.ts'
import { collect, failureOf, settle } from './settle.ts'

/** One store, fresh and empty. */
export interface CheckpointFixture {
  /** A handle on the store, as a new process would make it. */
  readonly checkpoint: () => Checkpoint
  readonly cleanup: () => void
}

const sources = ['src']

/** What every checkpoint must do, whatever it is made of. Run it inside a test file. */
export function checkpointConformance(
  name: string,
  make: (options: { readonly retain?: number }) => CheckpointFixture,
): void {
  describe(`${name}: conformance`, () => {
    const cleanups: (() => unknown)[] = []
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
    })
    const fixture = (options: { readonly retain?: number } = {}) => {
      const made = make(options)
      cleanups.push(made.cleanup)
      const open = async (names: readonly string[] = sources) => {
        const session = await settle(made.checkpoint().open({ sources: names }))
        cleanups.push(() => settle(session.close()))
        return session
      }
      const reopen = async (session: CheckpointSession, names: readonly string[] = sources) => {
        await settle(session.close())
        return open(names)
      }
      return { open, reopen }
    }
    const write = (session: CheckpointSession, ...records: LogRecord[]) => settle(session.write(records))
    const plan = (
      session: CheckpointSession,
      batchId: number,
      partitions: readonly unknown[] = [{ at: batchId }],
    ): { plan: PlannedBatch } => ({
      plan: { queryId: session.queryId, batchId, start: { seq: batchId }, end: { seq: batchId + 1 }, partitions },
    })
    const done = (batchId: number, outcome: BatchOutcome = 'committed') => ({ done: batchId, outcome })
    const initial = { initial: { seq: 0 } }

    describe('recovery', () => {
      it('is empty for a new query', async () => {
        const { open } = fixture()
        expect((await open()).recovered).toEqual({})
      })

      it('keeps the query id', async () => {
        const { open, reopen } = fixture()
        const first = await open()
        expect(first.queryId).toMatch(/^[0-9a-f-]{36}$/)
        expect((await reopen(first)).queryId).toBe(first.queryId)
      })

      it('gives another store another query id', async () => {
        expect((await fixture().open()).queryId).not.toBe((await fixture().open()).queryId)
      })

      it('knows the initial offset of a query without batches', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial)
        expect((await reopen(session)).recovered).toEqual({ initial: { seq: 0 } })
      })

      it('replays a planned batch 0', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial, plan(session, 0))
        expect((await reopen(session)).recovered).toEqual({ initial: { seq: 0 }, pending: plan(session, 0).plan })
      })

      it('goes on after a finished batch', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial, plan(session, 0), done(0))
        expect((await reopen(session)).recovered).toEqual({ initial: { seq: 0 }, done: plan(session, 0).plan })
      })

      it('replays the batch after the last finished one', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(
          session,
          initial,
          plan(session, 0),
          done(0),
          plan(session, 1),
          done(1, 'abandoned'),
          plan(session, 2),
        )
        expect((await reopen(session)).recovered).toEqual({
          initial: { seq: 0 },
          done: plan(session, 1).plan,
          pending: plan(session, 2).plan,
        })
      })

      it('counts an abandoned batch as finished', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial, plan(session, 0), done(0, 'abandoned'))
        const next = await reopen(session)
        expect(next.recovered.done?.batchId).toBe(0)
        expect(next.recovered.pending).toBeUndefined()
        expect(await failureOf(() => next.write([done(0)]))).toBeInstanceOf(CheckpointCorruptError)
      })

      it('goes on with the recovered batch in the new session', async () => {
        const { open, reopen } = fixture()
        const first = await open()
        await write(first, initial, plan(first, 0))
        const second = await reopen(first)
        await write(second, done(0), plan(second, 1))
        const third = await reopen(second)
        expect(third.recovered.pending?.batchId).toBe(1)
        expect(third.recovered.done?.batchId).toBe(0)
      })

      it('keeps batches without partitions and without progress', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        const still = { queryId: session.queryId, batchId: 0, start: { seq: 0 }, end: { seq: 0 }, partitions: [] }
        await write(session, initial, { plan: still })
        expect((await reopen(session)).recovered.pending).toEqual(still)
      })

      it('keeps any JSON in partitions, and any text, integer and nesting in offsets, in their order', async () => {
        const text = fc.string({ unit: 'binary' })
        const leaf = fc.oneof(fc.maxSafeInteger(), fc.boolean(), text)
        const key = text.filter((name) => name !== '__proto__')
        const offset = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf, { maxKeys: 3 })), { maxKeys: 4 })
        await fc.assert(
          fc.asyncProperty(
            offset,
            offset,
            fc.array(fc.jsonValue(), { maxLength: 3 }),
            async (start, end, partitions) => {
              const { open, reopen } = fixture()
              const session = await open()
              await write(
                session,
                { initial: start },
                { plan: { queryId: session.queryId, batchId: 0, start, end, partitions } },
              )
              const { pending } = (await reopen(session)).recovered
              const asText = (value: unknown) => JSON.stringify(value, (_, v: unknown) => (Object.is(v, -0) ? 0 : v))
              expect(asText(pending)).toBe(asText({ queryId: session.queryId, batchId: 0, start, end, partitions }))
            },
          ),
          { numRuns: 25 },
        )
      })

      it('is not changed by what the caller does to its objects afterwards', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        const start = { seq: 0 }
        const batch = { queryId: session.queryId, batchId: 0, start, end: { seq: 1 }, partitions: [{ at: 0 }] }
        const rows = encodeJournal([1])
        await write(session, { initial: start }, { journal: 0, rows }, { plan: batch })
        start.seq = 7
        batch.end.seq = 7
        batch.partitions.push({ at: 7 })
        rows.fill(0)
        const second = await reopen(session)
        ;(second.recovered.pending as { end: { seq: number } }).end.seq = 9
        const third = await reopen(second)
        expect(third.recovered.initial).toEqual({ seq: 0 })
        expect(third.recovered.pending).toMatchObject({ end: { seq: 1 }, partitions: [{ at: 0 }] })
        expect(await collect(third.readJournal?.(0) ?? [])).toEqual([[1]])
      })
    })

    describe('several sources', () => {
      it('keeps an offset for each, by name', async () => {
        const { open, reopen } = fixture()
        const names = ['b', 'a']
        const session = await open(names)
        const start = { b: { seq: 1 }, a: { t: 'x' } }
        const end = { b: { seq: 2 }, a: { t: 'y' } }
        const batch = { queryId: session.queryId, batchId: 0, start, end, partitions: [{ source: 'a', index: 0 }] }
        await write(session, { initial: start }, { plan: batch })
        expect((await reopen(session, names)).recovered).toEqual({ initial: start, pending: batch })
      })

      it('refuses an offset that leaves one out', async () => {
        const session = await fixture().open(['a', 'b'])
        expect(await failureOf(() => session.write([{ initial: { a: { seq: 1 } } }]))).toBeInstanceOf(OffsetError)
      })

      it.each([[['a']], [['a', 'c']], [['b', 'a']], [['a', 'b', 'c']]])('refuses to go on with %j', async (other) => {
        const { open, reopen } = fixture()
        const session = await open(['a', 'b'])
        const error = await failureOf(() => reopen(session, other))
        expect(error).toBeInstanceOf(CheckpointCorruptError)
        expect(error.message).toContain('a, b')
        // The refusal freed the lease.
        expect((await open(['a', 'b'])).recovered).toEqual({})
      })
    })

    describe('put-if-absent', () => {
      it('takes identical records twice, in one write, in two, and after reopening', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial, initial, plan(session, 0), plan(session, 0))
        await write(session, initial, plan(session, 0))
        await write(session, done(0))
        await write(session, done(0))
        const next = await reopen(session)
        await write(next, initial, plan(next, 0), done(0))
        await write(next, plan(next, 1))
        expect((await reopen(next)).recovered.pending?.batchId).toBe(1)
      })

      it('refuses another initial offset, plan or outcome', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial, plan(session, 0), done(0))
        const attempts: LogRecord[] = [{ initial: { seq: 5 } }, plan(session, 0, [{ at: 99 }]), done(0, 'abandoned')]
        for (const record of attempts) {
          expect(await failureOf(() => session.write([record]))).toBeInstanceOf(CheckpointCorruptError)
        }
        expect((await reopen(session)).recovered).toEqual({ initial: { seq: 0 }, done: plan(session, 0).plan })
      })
    })

    describe('order', () => {
      const cases: Record<string, (session: CheckpointSession) => LogRecord[]> = {
        'a plan before the initial offset': (session) => [plan(session, 0)],
        'a first batch that is not 0': (session) => [initial, plan(session, 1)],
        'a plan while the last batch is unfinished': (session) => [initial, plan(session, 0), plan(session, 1)],
        'a gap in the plans': (session) => [initial, plan(session, 0), done(0), plan(session, 2)],
        'an end without a plan': () => [initial, done(0)],
        'an end before its plan': (session) => [initial, done(0), plan(session, 0)],
        'a batch that starts elsewhere': (session) => [
          initial,
          plan(session, 0),
          done(0),
          { plan: { ...plan(session, 1).plan, start: { seq: 9 } } },
        ],
        'a first batch that starts elsewhere': (session) => [{ initial: { seq: 3 } }, plan(session, 0)],
        'a plan of another query': () => [
          initial,
          { plan: { queryId: 'other', batchId: 0, start: { seq: 0 }, end: { seq: 1 }, partitions: [] } },
        ],
        'a journal of a planned batch': (session) => [
          initial,
          plan(session, 0),
          { journal: 0, rows: encodeJournal([]) },
        ],
        'a journal of a later batch': () => [initial, { journal: 1, rows: encodeJournal([]) }],
      }
      it.each(Object.keys(cases))('refuses %s, and writes nothing of that call', async (what) => {
        const { open, reopen } = fixture()
        const session = await open()
        expect(
          await failureOf(() => session.write((cases[what] as (s: CheckpointSession) => LogRecord[])(session))),
        ).toBeInstanceOf(PortError)
        expect((await reopen(session)).recovered).toEqual({})
      })

      it('goes on after a refused record', async () => {
        const session = await fixture().open()
        await failureOf(() => session.write([plan(session, 0)]))
        await write(session, initial, plan(session, 0))
      })

      const unfit: Record<string, unknown> = {
        date: new Date(0),
        bigint: 1n,
        NaN: Number.NaN,
        Infinity: Number.POSITIVE_INFINITY,
        map: new Map(),
        function: () => {},
        undefined: undefined,
      }
      it.each(Object.keys(unfit))('refuses a partition with a %s, which JSON would not keep', async (kind) => {
        const session = await fixture().open()
        const partition = kind === 'undefined' ? [undefined] : { deep: [unfit[kind]] }
        const error = await failureOf(() => session.write([initial, plan(session, 0, [partition])]))
        expect(error).toBeInstanceOf(PortError)
        expect(error.message).toContain('partition 0')
      })

      it('refuses an offset with a float', async () => {
        const session = await fixture().open()
        expect(await failureOf(() => session.write([{ initial: { seq: 0.5 } }]))).toBeInstanceOf(OffsetError)
      })
    })

    describe('journal', () => {
      it('brings the rows back as they were, chunk by chunk', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        const chunks = [
          [
            {
              at: new Date(1),
              big: 2n ** 70n,
              bytes: Uint8Array.of(0, 255),
              map: new Map([['k', undefined]]),
              text: 'é\u{1F600}\0',
            },
          ],
          [],
          [{ same: 1 }, { same: 1 }],
          [{ same: 1 }, { same: 1 }],
        ]
        await write(
          session,
          initial,
          ...chunks.map((rows) => ({ journal: 0, rows: encodeJournal(rows) })),
          plan(session, 0),
        )
        expect(await collect(session.readJournal?.(0) ?? [])).toEqual(chunks)
        const next = await reopen(session)
        expect(await collect(next.readJournal?.(0) ?? [])).toEqual(chunks)
        expect(await collect(next.readJournal?.(1) ?? [])).toEqual([])
      })

      it('may be written in several calls', async () => {
        const { open, reopen } = fixture()
        const session = await open()
        await write(session, initial)
        await write(session, { journal: 0, rows: encodeJournal([1]) })
        await write(session, { journal: 0, rows: encodeJournal([2]) })
        await write(session, plan(session, 0))
        expect(await collect((await reopen(session)).readJournal?.(0) ?? [])).toEqual([[1], [2]])
      })

      it('of a batch that was never planned is forgotten: its rows come again', async () => {
        const { open, reopen } = fixture()
        const first = await open()
        await write(
          first,
          initial,
          { journal: 0, rows: encodeJournal(['old']) },
          { journal: 0, rows: encodeJournal(['old too']) },
        )
        const second = await reopen(first)
        expect(await collect(second.readJournal?.(0) ?? [])).toEqual([])
        await write(second, { journal: 0, rows: encodeJournal(['new']) }, plan(second, 0))
        expect(await collect((await reopen(second)).readJournal?.(0) ?? [])).toEqual([['new']])
      })

      it('stays as long as its batch', async () => {
        const { open, reopen } = fixture({ retain: 2 })
        let session = await open()
        await write(session, initial)
        for (let id = 0; id < 6; id++) {
          await write(session, { journal: id, rows: encodeJournal([id]) }, plan(session, id), done(id))
        }
        session = await reopen(session)
        for (const [id, rows] of [
          [2, []],
          [3, [[3]]],
          [5, [[5]]],
        ] as const)
          expect(await collect(session.readJournal?.(id) ?? [])).toEqual(rows)
      })
    })

    describe('lease', () => {
      it('is refused to a second opener, and changes nothing for the first', async () => {
        const { open } = fixture()
        const session = await open()
        expect(await failureOf(open)).toBeInstanceOf(CheckpointLockedError)
        await write(session, initial, plan(session, 0))
      })

      it('is free after close', async () => {
        const { open } = fixture()
        await settle((await open()).close())
        await open()
      })

      it('has an epoch that grows with each open', async () => {
        const { open, reopen } = fixture()
        let session = await open()
        for (let round = 0; round < 4; round++) {
          const next = await reopen(session)
          expect(next.epoch).toBe(session.epoch + 1)
          session = next
        }
      })

      it('goes to exactly one of several openers at once', async () => {
        const { open } = fixture()
        const results = await Promise.allSettled(Array.from({ length: 6 }, async () => open()))
        expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
        for (const result of results)
          if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CheckpointLockedError)
      })
    })

    describe('a closed session', () => {
      it('refuses to write, and leaves the next one alone', async () => {
        const { open, reopen } = fixture()
        const first = await open()
        const second = await reopen(first)
        expect(await failureOf(() => first.write([initial]))).toBeInstanceOf(CheckpointWriteError)
        await settle(first.close())
        expect(await failureOf(open)).toBeInstanceOf(CheckpointLockedError)
        expect((await reopen(second)).recovered).toEqual({})
      })
    })

    describe('many batches', () => {
      it('stay in order over purges and restarts', async () => {
        const { open, reopen } = fixture({ retain: 3 })
        let session = await open()
        await write(session, initial)
        for (let id = 0; id < 25; id++) {
          await write(session, ...(id === 0 ? [] : [done(id - 1)]), plan(session, id))
          if (id % 4 === 0) {
            session = await reopen(session)
            expect(session.recovered.pending).toEqual(plan(session, id).plan)
            expect(session.recovered.done?.batchId).toBe(id === 0 ? undefined : id - 1)
            expect(session.recovered.initial).toEqual({ seq: 0 })
          }
        }
      })
    })
  })
}
