import { throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type ErrorPlace, locateError } from '../../operators/locate-error.ts'
import { OffsetError, QueryError, RowError } from '../../src/errors.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const batch = { queryId: 'id', batchId: 7, start: { offset: 10 }, end: { offset: 20 } }

/** What an error becomes at a place. */
function located(place: ErrorPlace, error: unknown): QueryError {
  const outcome = outcomeNow(throwError(() => error).pipe(locateError(place)))
  expect(outcome.error).toBeInstanceOf(QueryError)
  return outcome.error as QueryError
}

describe('locateError', () => {
  edgeListOfPassing(
    () => locateError({ query: 'q' }),
    { a: 'a', b: 'b' },
    (error) => new QueryError(`query "q": ${error.message}`, { query: 'q' }, error),
  )

  it('adds the query', () => {
    const error = located({ query: 'orders "eu"' }, new Error('failed'))
    expect(error.message).toBe('query "orders \\"eu\\"": failed')
    expect(error).toMatchObject({ query: 'orders "eu"', batchId: undefined, partitionId: undefined })
  })

  it('adds the batch with its range', () => {
    const error = located({ query: 'q', batch }, new Error('failed'))
    expect(error.message).toBe('query "q", batch 7 [{"offset":10}, {"offset":20}): failed')
    expect(error).toMatchObject({ query: 'q', batchId: 7, partitionId: undefined })
  })

  it('adds the partition, also the first one', () => {
    const error = located({ query: 'q', batch, partitionId: 0 }, new Error('failed'))
    expect(error.message).toBe('query "q", batch 7 [{"offset":10}, {"offset":20}), partition 0: failed')
    expect(error).toMatchObject({ query: 'q', batchId: 7, partitionId: 0 })
  })

  it('keeps the error as its cause, and is as retryable', () => {
    const [transient, final] = [new Error('failed'), new OffsetError('no offset')]
    expect(located({ query: 'q' }, transient).cause).toBe(transient)
    expect(located({ query: 'q' }, transient).retryable).toBe(true)
    expect(located({ query: 'q' }, final).cause).toBe(final)
    expect(located({ query: 'q' }, final).retryable).toBe(false)
  })

  it.each([['a text'], [undefined], [null], [404]])('locates %o, which is no Error', (thrown) => {
    const error = located({ query: 'q' }, thrown)
    expect(error.message).toBe(`query "q": ${thrown}`)
    expect(error.cause).toBe(thrown)
  })

  it('leaves an error that has a place as it is', () => {
    const exact = located({ query: 'q', batch, partitionId: 2 }, new RowError('unfit'))
    expect(located({ query: 'q', batch }, exact)).toBe(exact)
    expect(located({ query: 'other' }, exact)).toBe(exact)
  })
})
