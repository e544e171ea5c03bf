import {
  asapScheduler,
  bufferCount,
  catchError,
  concat,
  concatMap,
  concatWith,
  defaultIfEmpty,
  delay,
  EMPTY,
  endWith,
  expand,
  filter,
  first,
  identity,
  ignoreElements,
  last,
  map,
  materialize,
  merge,
  mergeMap,
  mergeWith,
  NEVER,
  Observable,
  type OperatorFunction,
  observeOn,
  of,
  onErrorResumeNextWith,
  reduce,
  repeat,
  retry,
  scan,
  share,
  shareReplay,
  startWith,
  switchMap,
  take,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timeout,
  timer,
  toArray,
  windowCount,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type RowsOperator, transformRows } from '../../operators/transform-rows.ts'
import { writeTo } from '../../operators/write-to.ts'
import { isRetryable, OperatorError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { attemptIn, chunk, chunks, isIdle, outcomeOf, type Row, testContext, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'

type Chunks = readonly Row[]
type Operator = OperatorFunction<Chunks, Chunks>

/** As the rows of a pipeline have them: each operator knows only its neighbours. */
const through = (...operators: readonly Operator[]) => transformRows<Row, Row>(operators as unknown as RowsOperator[])
const upper: Operator = map((rows) => rows.map(({ id }) => ({ id: id.toUpperCase() })))
const flat: OperatorFunction<readonly Chunks[], Chunks> = map((many) => many.flat())

describe('transformRows', () => {
  edgeList({ operator: () => through(upper), source: { a: chunk('a'), b: [] }, result: { a: chunk('A'), b: [] } })

  it(
    'passes chunks through the operators, in order',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-|', chunks)
      const sub = '        ^----!'
      const expected = '   -x-y-|'
      const doubled: Operator = map((rows) => [...rows, ...rows])
      const values = { x: chunk('AA'), y: chunk('BBBB') }
      expectObservable(source.pipe(through(doubled, upper))).toBe(expected, values)
      expectSubscriptions(source.subscriptions).toBe(sub)
    }),
  )

  it(
    'without operators passes everything on as it is: chunks, the end, silence, an error, an unsubscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const left = cold(' -a-b-|', chunks)
      const unsub = '     ^--!  '
      expectObservable(cold('-a-b-|', chunks).pipe(through())).toBe('-a-b-|', chunks)
      expectObservable(EMPTY.pipe(through())).toBe('|')
      expectObservable(NEVER.pipe(through())).toBe('-')
      expectObservable(cold('-a-#', chunks).pipe(through())).toBe('-a-#', chunks)
      expectObservable(left.pipe(through(upper)), unsub).toBe('-x--', { x: chunk('A') })
      expectSubscriptions(left.subscriptions).toBe(unsub)
    }),
  )

  it(
    'reaches every inner Observable of the chain when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const inner = cold('  ----x|', { x: chunks.a })
      const source = cold('-a-b-----|', chunks)
      const unsub = '      ^---!'
      const subs = ['      -^--!', '   ---^!']
      expectObservable(source.pipe(through(mergeMap(() => inner))), unsub).toBe('-----')
      expectSubscriptions(inner.subscriptions).toBe(subs)
      expectSubscriptions(source.subscriptions).toBe(unsub)
    }),
  )

  it('builds the chain anew for each subscription', async () => {
    let built = 0
    let state = 0
    const counting: Operator = (source) => {
      built++
      let seen = 0
      return source.pipe(
        tap(() => {
          state = ++seen
        }),
      )
    }
    const result = of(chunks.a, chunks.b).pipe(
      through(
        counting,
        scan((all, rows) => [...all, ...rows]),
      ),
    )
    expect(built).toBe(0)
    for (const times of [1, 2]) {
      expect(await outcomeOf(result)).toEqual({ values: [chunks.a, chunk('abb')] })
      expect([built, state]).toEqual([times, 2])
    }
  })

  it.each<[string, readonly Operator[], string]>([
    ['filter', [filter((rows) => rows.length !== 2)], '  -a---c|'],
    ['ignoreElements', [ignoreElements()], '             ------|'],
    ['share', [share()], '                               -a-b-c|'],
    ['shareReplay', [shareReplay(1)], '                  -a-b-c|'],
    ['delay', [delay(3)], '                              ----a-b-(c|)'],
    ['startWith, endWith', [startWith(chunks.c), endWith(chunks.a)], 'ca-b-c(a|)'],
    ['concatWith', [concatWith(of(chunks.a))], '         -a-b-c(a|)'],
    ['mergeWith', [mergeWith(of(chunks.c))], '           ca-b-c|'],
    ['concatMap', [concatMap((rows) => of(rows).pipe(delay(2)))], ' ---a-b-(c|)'],
    ['scan', [scan((_, rows) => rows)], '                -a-b-c|'],
    ['last', [last()], '                                 ------(c|)'],
    ['defaultIfEmpty', [filter(() => false), defaultIfEmpty(chunks.a)], '------(a|)'],
    ['timeout in time', [timeout({ each: 5 })], '        -a-b-c|'],
    ['catchError unneeded', [catchError(() => EMPTY)], ' -a-b-c|'],
    ['retry unneeded', [retry()], '                      -a-b-c|'],
  ])('lets a chain that takes the whole read do as it likes: %s', (_name, operators, expected) =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a-b-c|', chunks).pipe(through(...operators))).toBe(expected, chunks)
    })(),
  )

  it.each<[string, Operator, readonly Chunks[]]>([
    ['bufferCount', (source) => source.pipe(bufferCount(2), flat), [chunk('abb'), chunk('ccc')]],
    [
      'windowCount',
      (source) =>
        source.pipe(
          windowCount(2),
          mergeMap((w) => w.pipe(toArray())),
          flat,
        ),
      [chunk('abb'), chunk('ccc')],
    ],
    ['toArray', (source) => source.pipe(toArray(), flat), [chunk('abbccc')]],
    ['reduce', reduce<Chunks>((all, rows) => [...all, ...rows]), [chunk('abbccc')]],
    ['observeOn', observeOn(asapScheduler), [chunks.a, chunks.b, chunks.c]],
    [
      'expand',
      expand((rows) => (rows.length > 1 ? of(rows.slice(1)) : EMPTY)),
      [chunks.a, chunks.b, chunk('b'), chunks.c, chunk('cc'), chunk('c')],
    ],
  ])('loses nothing of a synchronous read in operators that hold chunks: %s', async (_name, operator, values) => {
    expect(await outcomeOf(of(chunks.a, chunks.b, chunks.c).pipe(through(operator)))).toEqual({ values })
  })
})

describe('a chain that would commit a part of the partition', () => {
  const early = /completed before the read did/
  const twice = /subscribed to the read a second time/
  const failing = new Error('of the read')

  it.each<[string, Operator, RegExp]>([
    ['take', take(1), early],
    ['take(0)', take(0), early],
    ['first', first(), early],
    ['takeWhile', takeWhile(() => false), early],
    ['takeUntil', takeUntil(timer(2)), early],
    ['timeout with another', timeout({ first: 1, with: () => of(chunks.a) }), early],
    [
      'switchMap to the end',
      (source) =>
        source.pipe(
          take(1),
          switchMap(() => EMPTY),
        ),
      early,
    ],
    ['a constant', () => of(chunks.a), early],
    ['nothing', () => EMPTY, early],
    ['repeat', repeat(2), twice],
    ['repeat after a while', repeat({ count: 2, delay: 5 }), twice],
    ['merge with itself', (source) => merge(source, source), twice],
    ['concat with itself', (source) => concat(source, source), twice],
    ['a switchMap that subscribes again', (source) => source.pipe(switchMap(() => source)), twice],
    ['a part and then the rest of it', (source) => concat(source.pipe(take(1)), source), twice],
    ['timeout to itself', (source) => source.pipe(timeout({ first: 1, with: () => source })), twice],
  ])('fails: %s', (_name, operator, expected) =>
    marbles(({ cold, flush }) => {
      const source = cold('--a--b--|', chunks)
      const seen: unknown[] = []
      source.pipe(through(operator)).subscribe({
        error: (error: unknown) => seen.push(error),
        complete: () => seen.push('complete'),
      })
      flush()
      expect(seen).toEqual([expect.any(OperatorError)])
      expect(String(seen[0])).toMatch(expected)
      expect(isRetryable(seen[0])).toBe(false)
      expect(source.subscriptions.length).toBeLessThanOrEqual(1)
    })(),
  )

  it.each<[string, Operator]>([
    ['take', take(1)],
    ['first', first()],
    ['take of as many as there are', take(2)],
  ])('fails synchronously as well: %s', async (_name, operator) => {
    const { values, ...end } = await outcomeOf(of(chunks.a, chunks.b).pipe(through(operator)))
    expect(values.length).toBeLessThanOrEqual(2)
    expect(end).toEqual({ error: expect.any(OperatorError) })
  })

  it.each<[string, Operator]>([
    ['catchError to the end', catchError(() => EMPTY)],
    ['catchError to other rows', catchError(() => of(chunks.b))],
    ['onErrorResumeNext', onErrorResumeNextWith(of(chunks.b))],
    [
      'materialize',
      (source) =>
        source.pipe(
          materialize(),
          map(() => chunks.b),
        ),
    ],
    ['retry', retry(2)],
    ['catchError that subscribes again', catchError((_, source) => source)],
  ])('fails when it swallows an error of the read: %s', (_name, operator) =>
    marbles(({ cold, flush }) => {
      const seen: unknown[] = []
      const sources = [
        cold('a-#', chunks, failing),
        concat(
          of(chunks.a),
          throwError(() => failing),
        ),
      ]
      for (const source of sources) source.pipe(through(operator)).subscribe({ error: (error) => seen.push(error) })
      flush()
      // Of a synchronous read the error itself may come first: some operators look at it only after the read has returned.
      expect(seen.map((error) => (error instanceof OperatorError ? error.cause : error))).toEqual([failing, failing])
      expect(seen[1]).toBeInstanceOf(OperatorError)
    })(),
  )

  it.each<[string, Operator]>([
    ['never ends', catchError(() => NEVER)],
    ['ends later', catchError(() => timer(5).pipe(ignoreElements()))],
    ['tries again later', retry({ delay: 5 })],
    ['tells of it later', observeOn(asapScheduler)],
  ])('fails with the error of the read when it swallows that and %s', (_name, operator) =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-#', chunks, failing)
      const sub = '        ^--!'
      expectObservable(
        source.pipe(
          through(operator),
          filter(() => false),
        ),
      ).toBe('---#', {}, failing)
      expectSubscriptions(source.subscriptions).toBe(sub)
    })(),
  )

  it('passes an error of the read on unchanged', async () => {
    for (const operator of [
      identity as Operator,
      upper,
      delay<Chunks>(0),
      share<Chunks>(),
      bufferCount(2) as unknown as Operator,
    ]) {
      const { values: _, ...end } = await outcomeOf(
        concat(
          of(chunks.a),
          throwError(() => failing),
        ).pipe(through(operator)),
      )
      expect(end).toEqual({ error: failing })
    }
  })

  it(
    'lets the chain give the error another name',
    marbles(({ cold, expectObservable }) => {
      const renamed = new TypeError('renamed', { cause: failing })
      const rename = catchError<Chunks, Observable<never>>(() => throwError(() => renamed))
      expectObservable(cold('-a-#', chunks, failing).pipe(through(rename))).toBe('-a-#', chunks, renamed)
    }),
  )
})

describe('a chain that fails', () => {
  const broken = new Error('broken')
  it.each<[string, Operator]>([
    ['a function of it throws', map(() => throwIt(broken))],
    ['an inner Observable of it fails', mergeMap(() => throwError(() => broken))],
    ['building it throws', () => throwIt(broken)],
    ['subscribing to it throws', () => new Observable(() => throwIt(broken))],
  ])('fails with its error and leaves the read: %s', (_name, operator) =>
    marbles(({ cold, flush }) => {
      const source = cold('-a-b|', chunks)
      const seen: unknown[] = []
      source.pipe(through(operator)).subscribe({ error: (error: unknown) => seen.push(error) })
      flush()
      expect(seen).toEqual([broken])
      for (const { unsubscribedFrame } of source.subscriptions) expect(unsubscribedFrame).toBe(1)
    })(),
  )

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['object', { id: 'a row' }],
  ])('fails when it gives something that is no chunk, before that reaches the writer: %s', async (kind, wrong) => {
    const attempt = attemptIn(testContext())
    const written: unknown[] = []
    const writer = { open: () => ({ write: (rows: unknown) => written.push(rows), finish: () => 'm' }) }
    const operator = map(() => wrong) as unknown as Operator
    const outcome = await outcomeOf(of(chunks.a).pipe(through(operator), writeTo(writer, attempt)))
    expect(outcome).toEqual({ values: [], error: expect.any(OperatorError) })
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining(kind) } })
    expect(written).toEqual([])
    expect(isIdle(attempt.task.batch.tracker)).toBe(true)
  })
})
