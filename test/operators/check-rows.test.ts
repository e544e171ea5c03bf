import { from, type MonoTypeOperatorFunction, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { checkRows } from '../../operators/check-rows.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { OptionError, RowError } from '../../src/errors.ts'
import { MalformedRow } from '../../src/malformed-row.ts'
import type { RejectedRow } from '../../src/partition-scope.ts'
import { schema } from '../../src/schema.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeList, edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'
import { withinPartition } from './within-partition.ts'

const person = schema('id int not null, name string')
const fit = [{ id: 1, name: 'Ada' }, { id: 2, name: null }, { id: 3 }]
const unfit = { id: 'a secret', name: 'Eve' }
const reason = 'column "id": expected int, found a string'

describe('checkRows, failFast', () => {
  edgeListOfPassing<readonly object[]>(() => checkRows(person), { a: fit, b: [] })

  it('passes a chunk that fits as it is', () => {
    expect(outcomeNow(of(fit).pipe(checkRows<object>(person, 'failFast'))).values[0]).toBe(fit)
  })

  it(
    'fails at the first row that does not fit, and passes nothing of its chunk',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<readonly object[]>('  -a-b-a|', { a: fit, b: [fit[0] ?? {}, unfit] })
      const subs = '                            ^--!'
      const expected = '                        -a-#'
      const error = new RowError(`a row does not fit its schema: ${reason}`)
      expectObservable(source.pipe(checkRows(person))).toBe(expected, { a: fit }, error)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('does not need a partition, nor use its dead letters', () => {
    const check = checkRows<object>(person)
    const reject = () => throwIt('rejected')
    expect(outcomeNow(of([unfit]).pipe(check)).error).toBeInstanceOf(RowError)
    expect(outcomeNow(of([unfit]).pipe(withinPartition({ reject }, check))).error).toBeInstanceOf(RowError)
  })
})

describe('checkRows, dropMalformed', () => {
  const dropping = (reject: (rows: readonly RejectedRow[]) => void) =>
    withinPartition({ reject }, checkRows<object>(person, 'dropMalformed'))

  edgeList<readonly object[], readonly object[]>({
    operator: () => dropping(() => {}),
    source: { a: [unfit, ...fit], b: [unfit] },
    result: { a: fit, b: [] },
  })

  it('passes what fits in its order, and refuses the rest with the reasons, once a chunk', () => {
    const refused: (readonly RejectedRow[])[] = []
    const [ada, bob, cleo] = fit
    const chunks = [[ada, unfit, bob], fit, [7, cleo, { name: 'Bob' }]] as (readonly object[])[]
    const outcome = outcomeNow(from(chunks).pipe(dropping((rows) => refused.push(rows))))
    expect(outcome).toEqual({ values: [[ada, bob], fit, [cleo]] })
    expect(outcome.values[1]).toBe(fit)
    expect(refused).toEqual([
      [{ row: unfit, reason }],
      [
        { row: 7, reason: 'expected a row (a plain object), found a number' },
        { row: { name: 'Bob' }, reason: 'column "id": expected int, not null, found nothing' },
      ],
    ])
  })

  it('refuses before it passes the rest on', () => {
    const seen: string[] = []
    of([...fit, unfit])
      .pipe(dropping(() => seen.push('refused')))
      .subscribe(() => seen.push('passed'))
    expect(seen).toEqual(['refused', 'passed'])
  })

  it('leaves the chunk it was given as it was', () => {
    const chunk = Object.freeze([unfit, ...fit])
    outcomeNow(of(chunk).pipe(dropping(() => {})))
    expect(chunk).toHaveLength(4)
  })

  it(
    'fails with what the dead letters throw, and passes nothing of that chunk',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<readonly object[]>('  -a-b-a|', { a: fit, b: [...fit, unfit] })
      const subs = '                            ^--!'
      const expected = '                        -a-#'
      expectObservable(source.pipe(dropping(() => throwIt('error')))).toBe(expected, { a: fit })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it.each<[string, MonoTypeOperatorFunction<readonly object[]>]>([
    ['outside of a partition', checkRows<object>(person, 'dropMalformed')],
    ['in a query that has none', withinPartition({}, checkRows<object>(person, 'dropMalformed'))],
  ])(
    'fails without a dead-letter sink %s, before it subscribes to the source',
    marbles(({ cold, expectObservable, expectSubscriptions }, _, operator) => {
      const source = cold<readonly object[]>('  a|', { a: fit })
      const expected = '                        #'
      const error = new OptionError('mode "dropMalformed" needs a dead-letter sink: option "deadLetters"')
      expectObservable(source.pipe(operator)).toBe(expected, {}, error)
      expectSubscriptions(source.subscriptions).toBe([])
    }),
  )

  it('sends each partition its own dead letters', () => {
    const check = checkRows<object>(person, 'dropMalformed')
    const refused: string[] = []
    for (const name of ['p0', 'p1'])
      outcomeNow(of([unfit]).pipe(withinPartition({ reject: () => refused.push(name) }, check)))
    expect(refused).toEqual(['p0', 'p1'])
  })
})

describe.each(['failFast', 'dropMalformed'] as const)('checkRows, %s', (mode) => {
  const nested = schema('id int not null, tags map<string, int>, at struct<city: varchar(3)>')
  const row = { id: 1, tags: null, at: null }

  it.each([
    ['of the wrong type', { ...row, id: 'sesame' }, 'id'],
    ['out of its range', { ...row, id: 1_234_567_890_123 }, 'id'],
    ['in a map', { ...row, tags: { sesame: 'sesame' } }, 'tags'],
    ['in a struct', { ...row, at: { city: 'sesame' } }, 'at'],
    ['in the place of a struct', { ...row, at: 'sesame' }, 'at'],
  ])('names the column of a value %s, and never shows the value', (_, unfitting, column) => {
    const reasons: string[] = []
    const reject = (rows: readonly RejectedRow[]) => reasons.push(...rows.map((rejected) => rejected.reason))
    const { error } = outcomeNow(of([unfitting]).pipe(withinPartition({ reject }, checkRows<object>(nested, mode))))
    if (error instanceof RowError) reasons.push(error.message)
    expect(reasons).toEqual([expect.stringContaining(`column "${column}`)])
    expect(reasons[0]).not.toMatch(/sesame|1234567890123/)
    expect(error instanceof Error ? error.cause : undefined).toBeUndefined()
  })

  it('is known to be deterministic', () => {
    expect(isDeterministic(checkRows(person, mode))).toBe(true)
  })
})

describe('checkRows, permissive', () => {
  const rescuing = schema('id int not null, name string, n int, _corrupt_record string')
  const permissive = (reject?: (rows: readonly RejectedRow[]) => void) =>
    withinPartition({ reject }, checkRows<object>(rescuing, 'permissive'))

  edgeListOfPassing<readonly object[]>(() => permissive(), { a: fit, b: [] })

  it('keeps what fits of a row, and all of it as text', () => {
    const rows = [
      { id: 1, name: 'Ada', n: 'x' },
      { id: 2, name: 'Bob', more: true },
      new MalformedRow('3,Eve,', 'two fields', { id: 3, name: 'Eve' }),
      { id: 4, name: null, n: 5 },
    ]
    expect(outcomeNow(of(rows).pipe(permissive())).values).toEqual([
      [
        { id: 1, name: 'Ada', n: null, _corrupt_record: '{"id":1,"name":"Ada","n":"x"}' },
        { id: 2, name: 'Bob', n: null, _corrupt_record: '{"id":2,"name":"Bob","more":true}' },
        { id: 3, name: 'Eve', n: null, _corrupt_record: '3,Eve,' },
        rows[3],
      ],
    ])
  })

  it('passes a chunk that fits as it is', () => {
    expect(outcomeNow(of(fit).pipe(permissive())).values[0]).toBe(fit)
  })

  it('refuses a row that has no value for a column that is not null: to the dead letters, or with an error', () => {
    const lost = new MalformedRow('a secret', 'not JSON')
    const refused: (readonly RejectedRow[])[] = []
    const { values } = outcomeNow(of([lost, { id: 'x' }, { id: 1 }]).pipe(permissive((rows) => refused.push(rows))))
    expect(values).toEqual([[{ id: 1 }]])
    expect(refused).toEqual([
      [
        { row: 'a secret', reason: 'not JSON' },
        { row: { id: 'x' }, reason },
      ],
    ])
    const { error } = outcomeNow(of([lost]).pipe(permissive()))
    expect(error).toBeInstanceOf(RowError)
    expect(String(error)).toContain('not JSON')
    expect(String(error)).not.toContain('secret')
  })

  it('is as strict as failFast with a schema that has no column for it', () => {
    const { error } = outcomeNow(of([unfit]).pipe(checkRows<object>(person, 'permissive')))
    expect(error).toEqual(new RowError(`a row does not fit its schema: ${reason}`))
  })
})

describe('a malformed record', () => {
  const lost = new MalformedRow('a secret', 'line 7: not JSON')

  it('fails with its reason, and without its text', () => {
    const { error } = outcomeNow(of([lost]).pipe(checkRows<object>(person)))
    expect(error).toEqual(new RowError('a row does not fit its schema: line 7: not JSON'))
  })

  it('goes to the dead letters as it was written', () => {
    const refused: RejectedRow[] = []
    const check = withinPartition(
      { reject: (rows) => refused.push(...rows) },
      checkRows<object>(person, 'dropMalformed'),
    )
    expect(outcomeNow(of([lost, ...fit]).pipe(check)).values).toEqual([fit])
    expect(refused).toEqual([{ row: 'a secret', reason: 'line 7: not JSON' }])
  })
})
