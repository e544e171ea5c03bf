import { describe, expect, it } from 'vitest'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import { type HttpSinkOptions, httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import { OptionError } from '../../../../src/errors.ts'

const url = 'http://127.0.0.1/rows'
const deadLetters = {
  name: 'dead',
  streamWriter: () => ({ guarantee: 'append', open: () => never(), commit: () => {} }) as const,
}
const never = (): never => {
  throw new Error('not called')
}

describe('httpSinkSettings', () => {
  it('has defaults', () => {
    const { row, isRowError, ...settings } = httpSinkSettings<object, never>({ url })
    expect(settings).toEqual({
      name: 'http',
      url,
      method: 'POST',
      headers: {},
      params: {},
      format: 'json array',
      batchSize: 500,
      maxBytes: Infinity,
      envelope: undefined,
      bigints: 'text',
      idempotency: { header: 'Idempotency-Key' },
      okStatuses: [],
      rowErrors: undefined,
      deadLetters: undefined,
      maxDeadLetters: 100,
      concurrency: 1,
      breaker: undefined,
      client: { filters: [{ status: 409, action: 'retry' }] },
    })
    const given = { id: 1 }
    expect(row(given)).toBe(given)
    const error = (status: number) => new HttpError('no', { method: 'POST', url, status, retryable: false })
    expect([400, 401, 404, 409, 422].filter((status) => isRowError(error(status)))).toEqual([400, 422])
  })

  it('sends one row a request as an object or a form', () => {
    expect(httpSinkSettings({ url, format: 'single' }).batchSize).toBe(1)
    expect(httpSinkSettings({ url: `${url}/{id}`, format: 'form' }).batchSize).toBe(1)
  })

  it('leaves 409 to those who know what it means', () => {
    const filters = [{ status: 418, action: 'retry' }] as const
    expect(httpSinkSettings({ url, filters }).client.filters).toEqual([...filters, { status: 409, action: 'retry' }])
    for (const options of [{ okStatuses: [409] }, { idempotency: 'none' }, { idempotency: { key: 'id' } }] as const)
      expect(httpSinkSettings({ url, filters, ...options }).client.filters).toEqual(filters)
  })

  it('hands the client what is its own', () => {
    const retry = { maxAttempts: 2 }
    expect(httpSinkSettings({ url, retry, timeout: '1 minute', connections: 3 }).client).toEqual({
      retry,
      timeout: '1 minute',
      connections: 3,
      filters: expect.any(Array),
    })
  })

  it.each<[string, Partial<HttpSinkOptions>, RegExp]>([
    ['no url', { url: undefined as never }, /option "url" is missing/],
    ['a url that is none', { url: 'rows' }, /absolute|URL/],
    ['a url with a password', { url: 'http://me:secret@127.0.0.1/' }, /user|password/],
    ['an unknown option', { batchsize: 3 } as object, /unknown option "batchsize"; did you mean "batchSize"/],
    ['no rows a request', { batchSize: 0 }, /"batchSize" must be a positive integer/],
    ['another format', { format: 'csv' as 'form' }, /"format" must be one of "json array", "ndjson", "single", "form"/],
    ['many rows a form', { format: 'form', batchSize: 2 }, /"batchSize" has no place in format "form"/],
    ['a row’s url for many', { url: `${url}/{id}` }, /"url" can have \{column\} .* "single" or "form"/],
    ['an envelope for lines', { format: 'ndjson', envelope: () => ({}) }, /"envelope" has no place in format "ndjson"/],
    ['numbers in a form', { format: 'form', bigints: 'number' }, /"bigints" is about JSON/],
    [
      'two identities',
      { idempotency: { header: 'a', field: 'b' } as never },
      /"idempotency" must be "none", or one of/,
    ],
    ['an identity without name', { idempotency: { header: '' } }, /"idempotency" must be/],
    ['another identity', { idempotency: { body: 'a' } as never }, /"idempotency" must be/],
    [
      'its header twice',
      { headers: { 'idempotency-key': 'x' } },
      /"headers" has "idempotency-key", which "idempotency" sets/,
    ],
    ['a bound for nothing', { maxDeadLetters: 3 }, /"maxDeadLetters" needs "deadLetters"/],
    ['dead letters without a sink', { deadLetters: {} as never }, /"deadLetters" must be a sink/],
    ['statuses that are none', { okStatuses: ['409'] as never }, /"okStatuses" must be a list of statuses/],
    ['a breaker that never opens', { breaker: { failures: 0 } }, /httpSink: breaker: option "failures"/],
    [
      'a breaker that fails',
      { breaker: { whenOpen: 'fail' } as never },
      /httpSink: breaker: unknown option "whenOpen"/,
    ],
    ['an option of the client that is wrong', { connections: 0 }, /httpSink: option "connections"/],
  ])('refuses %s', (_, options, message) => {
    const made = () => httpSinkSettings({ url, ...options } as HttpSinkOptions)
    expect(made).toThrow(OptionError)
    expect(made).toThrow(message)
    expect(made).not.toThrow(/secret/)
  })

  it('takes a bound for dead letters, also none', () => {
    expect(httpSinkSettings({ url, deadLetters, maxDeadLetters: Infinity }).maxDeadLetters).toBe(Infinity)
  })
})
