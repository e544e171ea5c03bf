import {
  EMPTY,
  from,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  type Subscription,
  takeUntil,
  throwError,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { readPartition } from '../../operators/read-partition.ts'
import { writeTo } from '../../operators/write-to.ts'
import type { Attempt } from '../../src/batch-run.ts'
import { PortError, PushOverflowError } from '../../src/errors.ts'
import type { StreamWriter } from '../../src/sink.ts'
import type { ReadContext } from '../../src/source.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { attemptIn, chunk, chunks, outcomeOf, type Row, testContext, throwIt } from './a-run.ts'

type Chunks = ObservableInput<readonly Row[]>
const reading = (read: (partition: string, context: ReadContext) => Chunks, attempt: Attempt<string> = anAttempt()) =>
  readPartition({ read }, attempt)
const anAttempt = (options: Parameters<typeof testContext>[0] = {}) => attemptIn(testContext(options))

/** Lets everything that is ready run; no time passes. */
async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await undefined
}

/** An iterator that notes what it is asked, and answers when it is told to. */
function handIterator() {
  const asked: string[] = []
  const answers: PromiseWithResolvers<IteratorResult<readonly Row[]>>[] = []
  const iterator: AsyncIterableIterator<readonly Row[]> = {
    [Symbol.asyncIterator]: () => iterator,
    next: () => {
      asked.push('next')
      const answer = Promise.withResolvers<IteratorResult<readonly Row[]>>()
      answers.push(answer)
      return answer.promise
    },
    return: () => {
      asked.push('return')
      return Promise.resolve({ done: true, value: undefined })
    },
  }
  return { iterator, asked, answers }
}

/** A writer whose writes settle one by one, when the test says so. */
function handWriter() {
  const written: (readonly Row[])[] = []
  const pending: (() => void)[] = []
  const writer: Pick<StreamWriter<Row, number>, 'open'> = {
    open: () => ({
      write: (rows) => {
        written.push(rows)
        const { promise, resolve } = Promise.withResolvers<void>()
        pending.push(resolve)
        return promise
      },
      finish: () => written.length,
    }),
  }
  return { writer, written, settleOne: () => pending.shift()?.() }
}

describe('readPartition', () => {
  const three = [chunks.a, chunks.b, chunks.c]
  it.each<[string, () => Chunks]>([
    [
      'an async generator',
      async function* () {
        yield* three
      },
    ],
    [
      'a generator',
      function* () {
        yield* three
      },
    ],
    ['an array of chunks', () => three],
    ['an Observable', () => from(three)],
    ['a readable stream', () => ReadableStream.from<readonly Row[]>(three)],
    [
      'an iterator without return',
      () => {
        const all = three.values()
        return { [Symbol.iterator]: () => ({ next: () => all.next() }) }
      },
    ],
    [
      'an async iterator without return',
      () => {
        const all = three.values()
        return { [Symbol.asyncIterator]: () => ({ next: async () => all.next() }) } as AsyncIterable<readonly Row[]>
      },
    ],
    ['an iterator whose promises call back at once', () => ({ [Symbol.asyncIterator]: () => atOnce(three) })],
  ])('gives the chunks of %s, as they are', async (_kind, read) => {
    const attempt = anAttempt({ highWaterMark: 10 })
    const { values, ...end } = await outcomeOf(reading(read, attempt))
    expect(end).toEqual({})
    expect(values).toHaveLength(3)
    for (const [index, value] of values.entries()) expect(value).toBe(three[index])
    expect(attempt).toMatchObject({ chunksRead: 3, rowsRead: 6 })
  })

  it('gives the one chunk of a promise', async () => {
    expect(await outcomeOf(reading(() => Promise.resolve(chunks.b)))).toEqual({ values: [chunks.b] })
  })

  it.each<[string, () => Chunks]>([
    ['an array', () => []],
    ['an Observable', () => EMPTY],
    ['a generator', function* () {}],
    ['an async generator', async function* () {}],
  ])('completes for an empty read: %s', async (_kind, read) => {
    expect(await outcomeOf(reading(read))).toEqual({ values: [] })
  })

  it(
    'takes the chunks of an Observable as they come, and leaves it on unsubscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a-b---c-|', chunks)
      const sub1 = '       ^---------!'
      const sub2 = '       ^-----!'
      const expected1 = '  --a-b---c-|'
      const expected2 = '  --a-b--'
      const attempt = anAttempt()
      expectObservable(reading(() => source, attempt)).toBe(expected1, chunks)
      expectObservable(
        reading(() => source, attempt),
        sub2,
      ).toBe(expected2, chunks)
      expectSubscriptions(source.subscriptions).toBe([sub1, sub2])
      expectObservable(reading(() => NEVER)).toBe('---')
    }),
  )

  it('calls read anew for each subscription, with the partition and its context', async () => {
    const asked: unknown[] = []
    const attempt = anAttempt()
    const result = reading((partition, context) => {
      asked.push([partition, context.queryId, context.batchId, context.partitionId, context.attempt])
      context.report({ bytes: 7 })
      expect(context.signal).toBe(attempt.controller.signal)
      return [chunks.a]
    }, attempt)
    expect(await outcomeOf(result)).toEqual({ values: [chunks.a] })
    expect(await outcomeOf(result)).toEqual({ values: [chunks.a] })
    expect(asked).toEqual([
      ['p0', 'q', 0, 0, 0],
      ['p0', 'q', 0, 0, 0],
    ])
    expect(attempt.bytesRead).toBe(14)
  })

  it('tells of each chunk', async () => {
    const context = testContext()
    await outcomeOf(reading(() => of(chunks.b, []), attemptIn(context)))
    const place = { type: 'partition-progress', batchId: 0, partitionId: 0, partition: '0', attempt: 0 }
    expect(context.events).toEqual([
      { ...place, rows: 2 },
      { ...place, rows: 0 },
    ])
  })
})

describe('a read that fails', () => {
  const broken = new Error('broken')
  it.each<[string, () => Chunks, readonly unknown[]]>([
    ['read throws', () => throwIt(broken), []],
    ['a promise is rejected', () => Promise.reject(broken), []],
    ['an Observable fails', () => from([chunks.a]).pipe(map(() => throwIt(broken))), []],
    ['an Observable fails at once', () => throwError(() => broken), []],
    [
      'a generator throws before its first chunk',
      function* () {
        yield throwIt(broken)
      },
      [],
    ],
    [
      'a generator throws after a chunk',
      function* () {
        yield chunks.a
        throwIt(broken)
      },
      [chunks.a],
    ],
    [
      'an async generator throws before its first chunk',
      async function* () {
        yield throwIt(broken)
      },
      [],
    ],
    [
      'an async generator throws after a chunk',
      async function* () {
        yield chunks.a
        throwIt(broken)
      },
      [chunks.a],
    ],
    ['making the iterator throws', () => ({ [Symbol.iterator]: () => throwIt(broken) }), []],
    [
      'next throws',
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => throwIt(broken) }) }) as AsyncIterable<readonly Row[]>,
      [],
    ],
  ])('passes the error on: %s', async (_what, read, values) => {
    expect(await outcomeOf(reading(read))).toEqual({ values, error: broken })
  })

  it.each([
    ['null', null],
    ['undefined', undefined],
    ['object', { id: 'a row' }],
    ['string', 'rows'],
  ])('fails when a chunk is no array, and says what it is: %s', async (kind, wrong) => {
    const wrongChunks = [chunks.a, wrong, chunks.b] as readonly (readonly Row[])[]
    let returned = false
    function* generator() {
      try {
        yield* wrongChunks
      } finally {
        returned = true
      }
    }
    for (const read of [generator, () => from(wrongChunks)]) {
      const outcome = await outcomeOf(reading(read, anAttempt({ highWaterMark: 5 })))
      expect(outcome).toEqual({ values: [chunks.a], error: expect.any(PortError) })
      expect(outcome).toMatchObject({ error: { message: expect.stringContaining(kind) } })
    }
    expect(returned).toBe(true)
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an object of rows', { rows: [] }],
    ['a number', 5],
    ['a string', 'rows'],
  ])('fails when read answers with %s', async (_what, answer) => {
    expect(await outcomeOf(reading(() => answer as unknown as Chunks))).toEqual({
      values: [],
      error: expect.any(PortError),
    })
  })
})

describe('the pace of a pulled read', () => {
  it.each([1, 2, 3])('is never more than %i chunks ahead of the writer', async (highWaterMark) => {
    let given = 0
    async function* read() {
      for (; given < 20; given++) yield chunk(String.fromCharCode(97 + given))
    }
    const { writer, written, settleOne } = handWriter()
    const attempt = anAttempt({ highWaterMark })
    const outcome = outcomeOf(reading(read, attempt).pipe(writeTo(writer, attempt)))
    for (let settled = 0; settled < 20; settled++) {
      await microtasks()
      // "given" is one more while the generator stands at a yield, so this counts what was handed over.
      expect(attempt.chunksRead).toBe(Math.min(20, settled + highWaterMark))
      expect(given).toBeLessThanOrEqual(settled + highWaterMark)
      expect(written).toHaveLength(settled + 1)
      settleOne()
    }
    expect(await outcome).toEqual({ values: [{ partitionId: 0, message: 20 }] })
  })

  it('holds for a synchronous iterator too, and an array', async () => {
    let asked = 0
    const all = [chunks.a, chunks.b, chunks.c].values()
    const counting = {
      [Symbol.iterator]: () => ({
        next: () => {
          asked++
          return all.next()
        },
      }),
    }
    const { writer, settleOne } = handWriter()
    const attempt = anAttempt({ highWaterMark: 2 })
    const outcome = outcomeOf(reading(() => counting, attempt).pipe(writeTo(writer, attempt)))
    expect(asked).toBe(2)
    settleOne()
    await microtasks()
    expect(asked).toBe(3)
    settleOne()
    await microtasks()
    settleOne()
    expect(await outcome).toEqual({ values: [{ partitionId: 0, message: 3 }] })
  })

  it('asks for one chunk at a time', async () => {
    const { iterator, asked, answers } = handIterator()
    const attempt = anAttempt({ highWaterMark: 5 })
    const seen: unknown[] = []
    const subscription = reading(() => iterator, attempt).subscribe((rows) => seen.push(rows))
    attempt.demand.add()
    attempt.demand.remove()
    await microtasks()
    expect(asked).toEqual(['next'])
    answers[0]?.resolve({ done: false, value: chunks.a })
    await microtasks()
    expect(asked).toEqual(['next', 'next'])
    expect(seen).toEqual([chunks.a])
    subscription.unsubscribe()
  })

  it('asks no more after the end', async () => {
    const { iterator, asked, answers } = handIterator()
    const attempt = anAttempt()
    const outcome = outcomeOf(reading(() => iterator, attempt))
    answers[0]?.resolve({ done: true, value: undefined })
    expect(await outcome).toEqual({ values: [] })
    attempt.demand.add()
    attempt.demand.remove()
    expect(asked).toEqual(['next'])
  })

  const count = 100_000
  function* manyChunks() {
    for (let index = 0; index < count; index++) yield chunks.a
  }
  it.each<[string, number, () => Chunks]>([
    ['an iterator', 1, manyChunks],
    ['an iterator', 2, manyChunks],
    ['an iterator whose promises call back at once', 2, () => ({ [Symbol.asyncIterator]: () => atOnce(manyChunks()) })],
    ['an Observable', 2, () => from(manyChunks())],
  ])('takes 10⁵ synchronous chunks of %s without a stack for each (highWaterMark %i)', (_kind, highWaterMark, read) => {
    const attempt = anAttempt({ highWaterMark })
    let result: unknown
    const writer = { open: () => ({ write: () => undefined, finish: () => 'm' }) }
    reading(read, attempt)
      .pipe(writeTo(writer, attempt))
      .subscribe((message) => {
        result = message
      })
    expect(result).toEqual({ partitionId: 0, message: 'm' })
    expect(attempt).toMatchObject({ rowsRead: count, rowsWritten: count })
  })
})

describe('leaving a pulled read', () => {
  it.each<[string, (leave: () => void, steps: string[]) => Chunks]>([
    [
      'a generator',
      function* (leave, steps) {
        try {
          yield chunks.a
          leave()
          yield chunks.b
          steps.push('went on')
        } finally {
          steps.push('finally')
        }
      },
    ],
    [
      'an async generator',
      async function* (leave, steps) {
        try {
          yield chunks.a
          leave()
          yield chunks.b
          steps.push('went on')
        } finally {
          steps.push('finally')
        }
      },
    ],
  ])('ends %s that is left while it runs', async (_kind, read) => {
    const steps: string[] = []
    const seen: unknown[] = []
    const left = new Subject<void>()
    const attempt = anAttempt({ highWaterMark: 10 })
    reading(() => read(() => left.next(), steps), attempt)
      .pipe(takeUntil(left))
      .subscribe((rows) => seen.push(rows))
    await microtasks()
    expect(seen).toEqual([chunks.a])
    expect(steps).toEqual(['finally'])
  })

  it('takes each answer once, also of a thenable that calls back twice', () => {
    let next = 0
    const twice = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const result = next++ < 3 ? { done: false, value: chunks.a } : { done: true, value: undefined }
          return {
            // biome-ignore lint/suspicious/noThenProperty: it is one
            then: (resolve: (result: unknown) => void) => {
              resolve(result)
              resolve(result)
            },
          }
        },
      }),
    }
    const seen: unknown[] = []
    const attempt = anAttempt({ highWaterMark: 10 })
    reading(() => twice as never, attempt).subscribe((rows) => seen.push(rows))
    expect(seen).toEqual([chunks.a, chunks.a, chunks.a])
  })

  it('calls return on an iterator whose next is pending, and takes no late answer', async () => {
    const { iterator, asked, answers } = handIterator()
    const attempt = anAttempt()
    const seen: unknown[] = []
    reading(() => iterator, attempt)
      .subscribe({ next: (rows) => seen.push(rows), complete: () => seen.push('complete') })
      .unsubscribe()
    expect(asked).toEqual(['next', 'return'])
    answers[0]?.resolve({ done: false, value: chunks.a })
    await microtasks()
    expect(seen).toEqual([])
    expect(asked).toEqual(['next', 'return'])
    expect(attempt.chunksRead).toBe(0)
  })

  it('reaches a generator that waits, by the abort signal', async () => {
    const steps: string[] = []
    async function* read(_partition: string, { signal }: ReadContext): AsyncGenerator<readonly Row[]> {
      try {
        yield chunks.a
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        steps.push('went on')
      } finally {
        steps.push('finally')
      }
    }
    const attempt = anAttempt()
    const writer = { open: () => ({ write: () => undefined, finish: () => 'm' }) }
    const subscription = reading(read, attempt).pipe(writeTo(writer, attempt)).subscribe()
    await microtasks()
    expect(steps).toEqual([])
    subscription.unsubscribe()
    await microtasks()
    expect(steps).toEqual(['finally'])
  })

  it('reaches a generator that is not being asked', async () => {
    const steps: string[] = []
    function* read() {
      try {
        yield chunks.a
        yield chunks.b
      } finally {
        steps.push('finally')
      }
    }
    const attempt = anAttempt({ highWaterMark: 1 })
    const subscription = reading(read, attempt).subscribe(() => attempt.demand.add())
    expect(steps).toEqual([])
    subscription.unsubscribe()
    expect(steps).toEqual(['finally'])
    attempt.demand.remove()
    expect(attempt.chunksRead).toBe(1)
  })

  it.each<[string, (subscription: Subscription) => void]>([
    ['rejects', () => Promise.reject('late')],
    ['throws', () => throwIt('late')],
  ])('has no interest in a return that %s', async (_how, end) => {
    const iterator = { next: () => new Promise<never>(() => {}), return: end }
    const read = () => ({ [Symbol.asyncIterator]: () => iterator }) as unknown as AsyncIterable<readonly Row[]>
    const seen: unknown[] = []
    reading(read)
      .subscribe({ error: (error: unknown) => seen.push(error) })
      .unsubscribe()
    await microtasks()
    expect(seen).toEqual([])
  })

  it('does not call return on an iterator that ended or failed by itself', async () => {
    for (const answer of [{ done: true, value: undefined } as const, undefined]) {
      const { iterator, asked, answers } = handIterator()
      const outcome = outcomeOf(reading(() => iterator))
      if (answer === undefined) answers[0]?.reject('gone')
      else answers[0]?.resolve(answer)
      await outcome
      expect(asked).toEqual(['next'])
    }
  })
})

describe('an Observable that overruns the writer', () => {
  it('fails, with the advice to use an async generator; a writer that keeps up is never overrun', () => {
    const attempt = anAttempt({ maxPushed: 3 })
    const pushed: unknown[] = []
    const seen: unknown[] = []
    const source = from(Array.from({ length: 10 }, (_, index) => chunk(String(index))))
    reading(() => source, attempt).subscribe({
      next: (rows) => {
        attempt.demand.add()
        pushed.push(rows)
      },
      error: (error: unknown) => seen.push(error),
    })
    expect(pushed).toHaveLength(3)
    expect(seen).toEqual([expect.any(PushOverflowError)])
    expect(String(seen[0])).toMatch(/more than 3 chunks.*async generator/)

    const keepingUp = anAttempt({ maxPushed: 1 })
    const writer = { open: () => ({ write: () => undefined, finish: () => 'm' }) }
    reading(() => source, keepingUp)
      .pipe(writeTo(writer, keepingUp))
      .subscribe((message) => seen.push(message))
    expect(seen[1]).toEqual({ partitionId: 0, message: 'm' })
  })

  it('stops an Observable that pushes without end', () => {
    const attempt = anAttempt({ maxPushed: 2 })
    let pushed = 0
    const endless = new Observable<readonly Row[]>((subscriber) => {
      while (!subscriber.closed && pushed < 1000) {
        pushed++
        subscriber.next(chunks.a)
      }
    })
    const seen: unknown[] = []
    reading(() => endless, attempt).subscribe({
      next: () => attempt.demand.add(),
      error: (error: unknown) => seen.push(error),
    })
    expect(seen).toEqual([expect.any(PushOverflowError)])
    expect(pushed).toBe(3)
  })
})

/** Thenables that call back within `then`. */
function atOnce(all: Iterable<readonly Row[]>): AsyncIterator<readonly Row[]> {
  const values = all[Symbol.iterator]()
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is for.
  const next = () => ({ then: (done: (result: IteratorResult<readonly Row[]>) => void) => done(values.next()) })
  return { next } as unknown as AsyncIterator<readonly Row[]>
}
