import fc from 'fast-check'
import { concat, EMPTY, from, ignoreElements, map, NEVER, Observable, of, Subject, tap, throwError, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { writeTo } from '../../operators/write-to.ts'
import type { DeadLetter } from '../../src/dead-letter.ts'
import { PortError } from '../../src/errors.ts'
import { currentPartition } from '../../src/partition-scope.ts'
import type { Result } from '../../src/result.ts'
import { deadLetterPort, type PartitionWriter, type StreamWriter, type WriteContext } from '../../src/sink.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { attemptIn, chunk, chunks, isIdle, letters, outcomeOf, type Row, testContext, throwIt } from './a-run.ts'

type Port = 'open' | 'write' | 'finish' | 'discard'
interface Script {
  readonly open?: () => Result<unknown>
  readonly write?: (rows: readonly Row[]) => Result<unknown>
  readonly finish?: () => Result<string>
  readonly discard?: () => Result<unknown>
}

/** A writer whose calls take as long as their script says, and which notes when each begins and settles. */
function scripted(script: Script, now: () => number) {
  const calls: string[] = []
  const contexts: WriteContext[] = []
  const noted = <T>(port: Port, detail: string, call: (() => Result<T>) | undefined, answer: T): Result<T> => {
    calls.push(`${now()} ${port}${detail}`)
    if (call === undefined) return answer
    const result = call()
    if (!(result instanceof Observable)) return result
    const settled = () => calls.push(`${now()} ${port} settled`)
    return concat(
      result.pipe(tap({ error: settled, complete: settled }), ignoreElements()),
      of(answer),
    ) as Observable<T>
  }
  const partition: PartitionWriter<Row, string> = {
    write: (rows) => noted<unknown>('write', ` ${letters(rows)}`, () => script.write?.(rows), undefined),
    finish: () => noted('finish', '', script.finish, 'message'),
    discard: () => noted<unknown>('discard', '', script.discard, undefined),
  }
  const writer: Pick<StreamWriter<Row, string>, 'open'> = {
    open: (context) => {
      contexts.push(context)
      return noted<unknown>('open', '', script.open, partition) as Result<PartitionWriter<Row, string>>
    },
  }
  return { writer, calls, contexts }
}

const message = { m: { partitionId: 0, message: 'message' } }

describe('writeTo', () => {
  it(
    'writes one chunk at a time and finishes after the last write has settled',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const { writer, calls } = scripted(
        { open: () => cold('-|'), write: () => cold('---|'), finish: () => cold('--|') },
        () => scheduler.now(),
      )
      const attempt = attemptIn(testContext({ scheduler }))
      const source = cold(' -a-b|', chunks)
      const sub = '        -^---!'
      // open               -|
      // write a              ---|
      // write bb                ---|
      // finish                     --|
      const expected = '   ----------(m|)'
      expectObservable(source.pipe(writeTo(writer, attempt))).toBe(expected, message)
      expectSubscriptions(source.subscriptions).toBe(sub)
      flush()
      expect(calls).toEqual([
        '0 open',
        '1 open settled',
        '2 write a',
        '5 write settled',
        '5 write bb',
        '8 write settled',
        '8 finish',
        '10 finish settled',
      ])
      expect(attempt).toMatchObject({
        rowsWritten: 3,
        demand: { chunks: 0 },
        controller: { signal: { aborted: false } },
      })
    }),
  )

  it(
    'opens and finishes for an empty source',
    marbles(({ expectObservable, scheduler }) => {
      const { writer, calls } = scripted({}, () => scheduler.now())
      expectObservable(EMPTY.pipe(writeTo(writer, attemptIn(testContext())))).toBe('(m|)', message)
      expect(calls).toEqual([])
    }),
  )

  it(
    'waits for a source that never ends, and discards when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const { writer, calls } = scripted({}, () => scheduler.now())
      const attempt = attemptIn(testContext())
      const source = cold('-a---', chunks)
      const sub = '        ^---!'
      expectObservable(source.pipe(writeTo(writer, attempt)), sub).toBe('-----')
      expectObservable(NEVER.pipe(writeTo(scripted({}, () => 0).writer, attemptIn(testContext())))).toBe('---')
      expectSubscriptions(source.subscriptions).toBe(sub)
      flush()
      expect(calls).toEqual(['0 open', '1 write a', '4 discard'])
      expect(attempt.controller.signal.aborted).toBe(true)
    }),
  )

  it(
    'runs synchronously with synchronous ports, and starts clean when it is subscribed to again',
    marbles(({ expectObservable, flush, scheduler }) => {
      const { writer, calls } = scripted({}, () => scheduler.now())
      const written = (name: string) => of(chunk(name)).pipe(writeTo(writer, attemptIn(testContext())))
      const again = of(chunks.a).pipe(writeTo(writer, attemptIn(testContext())))
      expectObservable(concat(written('x'), written('y'))).toBe('(mm|)', message)
      expectObservable(concat(again, again)).toBe('(mm|)', message)
      flush()
      expect(calls.filter((call) => call.includes('write'))).toEqual([
        '0 write x',
        '0 write y',
        '0 write a',
        '0 write a',
      ])
    }),
  )

  it.each<[string, Script]>([
    ['open', { open: () => throwError(() => 'gone') }],
    ['write', { write: () => throwError(() => 'gone') }],
    ['finish', { finish: () => throwError(() => 'gone') }],
  ])('fails with the error of %s, whether it is thrown, rejected or emitted', async (port, emitting) => {
    const throwing = { [port]: () => throwIt('gone') }
    const rejecting = { [port]: () => Promise.reject('gone') }
    for (const script of [emitting, throwing, rejecting]) {
      const { writer, calls } = scripted(script, () => 0)
      const attempt = attemptIn(testContext())
      expect(await outcomeOf(of(chunks.a, chunks.b).pipe(writeTo(writer, attempt)))).toEqual({
        values: [],
        error: 'gone',
      })
      expect(calls.filter((call) => call === '0 discard')).toHaveLength(port === 'open' ? 0 : 1)
      expect(calls.filter((call) => /write (a|bb)$/.test(call))).toHaveLength(
        { open: 0, write: 1, finish: 2 }[port] ?? -1,
      )
      expect(attempt.controller.signal.reason).toBe('gone')
      expect(isIdle(attempt.task.batch.tracker)).toBe(true)
    }
  })

  it(
    'passes on the error of the source after the write in flight has settled and the writer has discarded; what waited is not written',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const { writer, calls } = scripted({ write: () => cold('-----|'), discard: () => cold('--|') }, () =>
        scheduler.now(),
      )
      const attempt = attemptIn(testContext())
      const source = cold(' -ab#', chunks)
      const sub = '        ^--!'
      // write a            -----|
      // discard                 --|
      const expected = '   --------#'
      expectObservable(source.pipe(writeTo(writer, attempt))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(sub)
      scheduler.schedule(() => expect(isIdle(attempt.task.batch.tracker)).toBe(false), 7)
      flush()
      expect(calls).toEqual(['0 open', '1 write a', '6 write settled', '6 discard', '8 discard settled'])
      expect(isIdle(attempt.task.batch.tracker)).toBe(true)
    }),
  )

  it(
    'aborts the signal at once when the source fails',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const { writer, contexts } = scripted({ write: () => cold('-----|') }, () => scheduler.now())
      const abortedAt: number[] = []
      const attempt = attemptIn(testContext())
      attempt.controller.signal.addEventListener('abort', () => abortedAt.push(scheduler.now()))
      expectObservable(cold('-a-#', chunks).pipe(writeTo(writer, attempt))).toBe('------#')
      flush()
      expect(abortedAt).toEqual([3])
      expect(contexts[0]?.signal).toBe(attempt.controller.signal)
    }),
  )

  it(
    'leaves the source when a write fails, and writes nothing that comes afterwards',
    marbles(({ cold, hot, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const { writer, calls } = scripted({ write: () => cold('--#') }, () => scheduler.now())
      const source = hot('-ab-c-c-c-|', chunks)
      const sub = '       ^--!'
      const expected = '  ---#'
      expectObservable(source.pipe(writeTo(writer, attemptIn(testContext())))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(sub)
      flush()
      expect(calls).toEqual(['0 open', '1 write a', '3 write settled', '3 discard'])
    }),
  )

  it('writes nothing more of a synchronous source whose first chunk failed', () => {
    const { writer, calls } = scripted({ write: () => throwIt('full') }, () => 0)
    const seen: unknown[] = []
    from([chunks.a, chunks.b, chunks.c])
      .pipe(writeTo(writer, attemptIn(testContext())))
      .subscribe({ error: (error: unknown) => seen.push(error) })
    expect(seen).toEqual(['full'])
    expect(calls).toEqual(['0 open', '0 write a', '0 discard'])
  })

  it('writes any number of chunks that waited without a stack for each', () => {
    const count = 20_000
    const first = new Subject<void>()
    let writes = 0
    const partition = { write: () => (writes++ === 0 ? first : undefined), finish: () => writes }
    const seen: unknown[] = []
    from(Array.from({ length: count }, () => chunks.a))
      .pipe(writeTo<Row, number>({ open: () => partition }, attemptIn(testContext())))
      .subscribe((message) => seen.push(message))
    expect(writes).toBe(1)
    first.complete()
    expect(seen).toEqual([{ partitionId: 0, message: count }])
  })

  it('leaves a synchronous source at once when a write fails', () => {
    let emitted = 0
    const source = new Observable<readonly Row[]>((subscriber) => {
      while (!subscriber.closed && emitted < 1000) {
        emitted++
        subscriber.next(chunks.a)
      }
      subscriber.error('too late')
    })
    const seen: unknown[] = []
    const { writer } = scripted({ write: () => throwIt('full') }, () => 0)
    source.pipe(writeTo(writer, attemptIn(testContext()))).subscribe({ error: (error: unknown) => seen.push(error) })
    expect(emitted).toBe(1)
    expect(seen).toEqual(['full'])
  })

  it.each<[string, Script, readonly string[]]>([
    ['open', { open: () => timer(5) }, ['0 open', '5 open settled', '5 discard', '7 discard settled']],
    ['write', { write: () => timer(5) }, ['0 open', '0 write a', '5 write settled', '5 discard', '7 discard settled']],
    [
      'finish',
      { finish: () => timer(5).pipe(map(String)) },
      ['0 open', '0 write a', '0 finish', '5 finish settled', '5 discard', '7 discard settled'],
    ],
  ])('lets a pending %s settle and discards, when nobody listens any more', (_port, script, expected) =>
    marbles(({ flush, scheduler }) => {
      const { writer, calls } = scripted({ ...script, discard: () => timer(2) }, () => scheduler.now())
      const attempt = attemptIn(testContext())
      const seen: string[] = []
      const subscription = of(chunks.a)
        .pipe(writeTo(writer, attempt))
        .subscribe(() => seen.push('message'))
      attempt.task.batch.tracker.idle.subscribe({ complete: () => seen.push(`idle at ${scheduler.now()}`) })
      attempt.controller.signal.addEventListener('abort', () => seen.push(`aborted at ${scheduler.now()}`))
      scheduler.schedule(() => subscription.unsubscribe(), 1)
      flush()
      expect(calls).toEqual(expected)
      expect(seen).toEqual(['aborted at 1', 'idle at 7'])
    })(),
  )

  it(
    'discards once when the abort itself makes the pending write fail',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const attempt = attemptIn(testContext())
      const untilAborted = () =>
        new Observable<never>((subscriber) =>
          attempt.controller.signal.addEventListener('abort', () => subscriber.error('aborted')),
        )
      const { writer, calls } = scripted({ write: untilAborted }, () => scheduler.now())
      expectObservable(cold('a-#', chunks).pipe(writeTo(writer, attempt))).toBe('--#')
      flush()
      expect(calls).toEqual(['0 open', '0 write a', '2 write settled', '2 discard'])
    }),
  )

  it(
    'tells of a discard that fails, and fails with what went wrong before',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const { writer } = scripted({ discard: () => cold('--#', {}, 'disk') }, () => scheduler.now())
      const context = testContext()
      const attempt = attemptIn(context)
      expectObservable(cold<readonly Row[]>('-#').pipe(writeTo(writer, attempt))).toBe('---#')
      flush()
      expect(context.events).toContainEqual({
        type: 'warning',
        message: 'discard of partition 0 failed',
        error: 'disk',
      })
      expect(isIdle(attempt.task.batch.tracker)).toBe(true)
    }),
  )

  it('survives a discard that throws, and a writer without one', () => {
    const throwing = scripted({ discard: () => throwIt('disk') }, () => 0).writer
    const without: Pick<StreamWriter<Row, string>, 'open'> = { open: () => ({ write: () => 0, finish: () => 'm' }) }
    for (const writer of [throwing, without]) {
      const attempt = attemptIn(testContext())
      const subscription = NEVER.pipe(writeTo<Row, string>(writer, attempt)).subscribe()
      expect(isIdle(attempt.task.batch.tracker)).toBe(false)
      subscription.unsubscribe()
      expect(isIdle(attempt.task.batch.tracker)).toBe(true)
    }
  })

  it('takes undefined for a message', async () => {
    for (const finish of [() => undefined, () => Promise.resolve(), () => of(undefined)]) {
      const writer = { open: () => ({ write: () => undefined, finish }) }
      const outcome = await outcomeOf(
        of(chunks.a).pipe(writeTo(writer as Pick<StreamWriter<Row, undefined>, 'open'>, attemptIn(testContext()))),
      )
      expect(outcome).toEqual({ values: [{ partitionId: 0, message: undefined }] })
    }
  })

  it('calls the ports of a writer that is an object of a class', async () => {
    class Part {
      readonly #rows: Row[] = []
      static discarded = 0
      write(rows: readonly Row[]) {
        this.#rows.push(...rows)
      }
      finish() {
        return letters(this.#rows)
      }
      discard() {
        Part.discarded += this.#rows.length
      }
    }
    const writer = { open: () => new Part() }
    expect(await outcomeOf(of(chunks.b).pipe(writeTo<Row, string>(writer, attemptIn(testContext()))))).toEqual({
      values: [{ partitionId: 0, message: 'bb' }],
    })
    const failing = concat(
      of(chunks.b),
      throwError(() => 'gone'),
    ).pipe(writeTo<Row, string>(writer, attemptIn(testContext())))
    expect(await outcomeOf(failing)).toEqual({ values: [], error: 'gone' })
    expect(Part.discarded).toBe(2)
  })

  it.each<[string, Script, RegExp]>([
    ['open gives no value', { open: () => EMPTY }, /open must answer with exactly one value/],
    ['open gives nothing', { open: () => of(undefined) }, /open must answer with a partition writer/],
    ['finish gives no value', { finish: () => EMPTY }, /finish must answer with exactly one value/],
    ['finish gives two', { finish: () => of('m', 'n') }, /finish must answer with exactly one value/],
  ])('fails when %s', async (_what, { open, finish }, expected) => {
    const partition = { write: () => undefined, finish: finish ?? (() => 'm') }
    const attempt = attemptIn(testContext())
    const writer = { open: () => (open?.() ?? partition) as Result<PartitionWriter<Row, string>> }
    const outcome = await outcomeOf(of(chunks.a).pipe(writeTo(writer, attempt)))
    expect(outcome).toEqual({ values: [], error: expect.any(PortError) })
    expect(outcome).toMatchObject({ error: { message: expect.stringMatching(expected) } })
    expect(isIdle(attempt.task.batch.tracker)).toBe(true)
  })

  it('writes dead letters through the same queue, in order', () => {
    const calls: string[] = []
    const pending: Subject<void>[] = []
    const begin = (call: string) => {
      calls.push(call)
      const settled = new Subject<void>()
      pending.push(settled)
      return settled
    }
    const writer: Pick<StreamWriter<Row, string>, 'open'> = {
      open: () => ({
        write: (rows) => begin(`write ${letters(rows)}`),
        finish: () => 'm',
        [deadLetterPort]: (dead: readonly DeadLetter[]) =>
          begin(`dead ${dead.map(({ reason, row }) => `${reason} ${row}`)}`),
      }),
    }
    const attempt = attemptIn(testContext())
    const source = new Observable<readonly Row[]>((subscriber) => {
      const reject = currentPartition()?.reject
      subscriber.next(chunks.a)
      reject?.([{ row: { id: 1n }, reason: 'bad' }])
      subscriber.next(chunks.b)
      subscriber.complete()
    })
    const seen: unknown[] = []
    source.pipe(writeTo(writer, attempt)).subscribe((value) => seen.push(value))
    for (const expected of [
      ['write a'],
      ['write a', 'dead bad {"id":"1"}'],
      ['write a', 'dead bad {"id":"1"}', 'write bb'],
    ]) {
      expect(calls).toEqual(expected)
      expect(seen).toEqual([])
      pending.shift()?.complete()
    }
    expect(seen).toEqual([{ partitionId: 0, message: 'm' }])
    expect(attempt).toMatchObject({ rowsWritten: 3, rowsDropped: 1, demand: { chunks: 0 } })
  })

  it('offers no way to refuse rows where the writer takes no dead letters', () => {
    let reject: unknown = 'unset'
    const source = new Observable<readonly Row[]>(() => {
      reject = currentPartition()?.reject
    })
    source
      .pipe(writeTo(scripted({}, () => 0).writer, attemptIn(testContext())))
      .subscribe()
      .unsubscribe()
    expect(reject).toBeUndefined()
    expect(currentPartition()).toBeUndefined()
  })

  it('addresses the writer by partition and attempt', () => {
    const { writer, contexts } = scripted({}, () => 0)
    const context = testContext({ sinkId: 'table', epoch: 7, deterministic: false })
    const attempt = attemptIn(context)
    EMPTY.pipe(writeTo(writer, attempt)).subscribe()
    contexts[0]?.report({ bytes: 5 })
    expect(contexts).toMatchObject([
      { queryId: 'q', batchId: 0, partitionId: 0, attempt: 0, sinkId: 'table', epoch: 7, deterministic: false },
    ])
    expect(attempt.bytesWritten).toBe(5)
  })

  it('keeps its promises for any timing: calls in order, never two at once, one discard after the last of them, nothing open', () => {
    const wait = fc.integer({ min: 0, max: 3 })
    const scenario = fc.record({
      gaps: fc.array(wait, { maxLength: 5 }),
      sourceFails: fc.boolean(),
      durations: fc.record({
        open: wait,
        write: fc.array(wait, { minLength: 5, maxLength: 5 }),
        finish: wait,
        discard: wait,
      }),
      failing: fc.option(fc.constantFrom('open', 'finish', 0, 1, 2, 3, 4), { nil: undefined }),
      leaveAfter: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(scenario, ({ gaps, sourceFails, durations, failing, leaveAfter }) =>
        marbles(({ flush, scheduler }) => {
          const events: string[] = []
          let running = 0
          let mostRunning = 0
          const during = (name: string, ms: number, fails: boolean): Observable<unknown> =>
            new Observable((subscriber) => {
              events.push(name)
              mostRunning = Math.max(mostRunning, ++running)
              const end = () => {
                running--
                events.push(`/${name}`)
                if (fails) subscriber.error(name)
                else {
                  subscriber.next('m')
                  subscriber.complete()
                }
              }
              if (ms === 0) end()
              else scheduler.schedule(end, ms)
            })
          let writes = 0
          const partition = {
            write: () => {
              const index = writes++
              return during(`write ${index}`, durations.write[index] ?? 0, failing === index)
            },
            finish: () => during('finish', durations.finish, failing === 'finish') as Observable<string>,
            discard: () => during('discard', durations.discard, false),
          }
          const open = () =>
            concat(during('open', durations.open, failing === 'open').pipe(ignoreElements()), of(partition))
          const source = concat(
            ...gaps.map((gap) => concat(gap === 0 ? EMPTY : timer(gap).pipe(ignoreElements()), of(chunks.a))),
            sourceFails ? throwError(() => 'source') : EMPTY,
          )
          const attempt = attemptIn(testContext())
          const subscription = source.pipe(writeTo<Row, string>({ open }, attempt)).subscribe({
            next: () => events.push('message'),
            error: () => events.push('error'),
          })
          attempt.task.batch.tracker.idle.subscribe({ complete: () => events.push('idle') })
          if (leaveAfter !== undefined) scheduler.schedule(() => subscription.unsubscribe(), leaveAfter)
          flush()

          expect(mostRunning).toBeLessThanOrEqual(1)
          expect(events).toContain('idle')
          const calls = events.filter((event) => event !== 'idle' && !event.startsWith('/'))
          const opened = events.includes('/open') && failing !== 'open'
          if (calls.includes('message')) {
            const all = gaps.map((_, index) => `write ${index}`)
            expect(calls).toEqual(['open', ...all, 'finish', 'message'])
            expect(attempt.controller.signal.aborted).toBe(false)
            return
          }
          expect(calls.filter((call) => call === 'discard')).toEqual(opened ? ['discard'] : [])
          const after = calls.slice(calls.indexOf('discard') + 1)
          if (opened) expect(['', 'error']).toContain(after.join())
          expect(events.indexOf('idle')).toBeGreaterThan(events.indexOf(opened ? '/discard' : '/open'))
          expect(attempt.controller.signal.aborted).toBe(true)
        })(),
      ),
      { numRuns: 500 },
    )
  })
})
