import { describe, expect, it } from 'vitest'
import {
  checkFilters,
  filterAction,
  type ResponseFilter,
  type SeenBody,
} from '../../../../src/connectors/rest/http/response-filters.ts'
import { OptionError } from '../../../../src/errors.ts'

interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly text?: string
  readonly whole?: boolean
}

async function action(
  filters: readonly ResponseFilter[],
  { status = 200, headers = {}, text = '', whole = true }: Answer = {},
) {
  let looks = 0
  const body = async (): Promise<SeenBody> => {
    looks++
    return { text, whole }
  }
  return { said: await filterAction(filters, { status, headers }, body), looks }
}

const said = async (filter: Omit<ResponseFilter, 'action'>, answer: Answer): Promise<boolean> =>
  (await action([{ ...filter, action: 'ignore' }], answer)).said === 'ignore'

describe('a filter', () => {
  it('fits by status', async () => {
    expect(await said({ status: 404 }, { status: 404 })).toBe(true)
    expect(await said({ status: 404 }, { status: 400 })).toBe(false)
    expect(await said({ status: [404, 410] }, { status: 410 })).toBe(true)
    expect(await said({ status: (status) => status >= 500 }, { status: 503 })).toBe(true)
    expect(await said({ status: (status) => status >= 500 }, { status: 499 })).toBe(false)
  })

  it('fits by headers, all of them, whatever the case of their names', async () => {
    const answer = { headers: { 'x-reason': 'stale cursor', 'x-b': 'b' } }
    expect(await said({ header: { 'X-Reason': 'stale cursor' } }, answer)).toBe(true)
    expect(await said({ header: { 'x-reason': 'stale' } }, answer)).toBe(false)
    expect(await said({ header: { 'x-reason': /stale/ } }, answer)).toBe(true)
    expect(await said({ header: { 'x-reason': true, 'x-b': 'b' } }, answer)).toBe(true)
    expect(await said({ header: { 'x-reason': true, 'x-c': true } }, answer)).toBe(false)
    expect(await said({ header: { 'x-c': /^/ } }, answer)).toBe(false)
  })

  it('fits by the body: a text, a pattern, also one that remembers, or a function of text and JSON', async () => {
    const answer = { text: '{"error":"expired"}' }
    const pattern = /expired/g
    expect(await said({ body: 'expired' }, answer)).toBe(true)
    expect(await said({ body: 'absent' }, answer)).toBe(false)
    expect([await said({ body: pattern }, answer), await said({ body: pattern }, answer)]).toEqual([true, true])
    expect(await said({ body: (text) => text.startsWith('{') }, answer)).toBe(true)
    expect(await said({ body: (_, json) => (json as { error: string }).error === 'expired' }, answer)).toBe(true)
    expect(await said({ body: (_, json) => json === undefined }, { text: '<html>' })).toBe(true)
    expect(await said({ body: (_, json) => json === undefined }, { ...answer, whole: false })).toBe(true)
  })

  it('needs all that it says', async () => {
    const filter = { status: 200, body: 'expired' }
    expect(await said(filter, { text: 'expired' })).toBe(true)
    expect(await said(filter, { text: 'expired', status: 400 })).toBe(false)
  })

  it('looks at the body only when the rest fits, and the first that fits decides', async () => {
    const filters: readonly ResponseFilter[] = [
      { status: 400, body: 'a', action: 'retry' },
      { status: 400, action: 'fail' },
      { status: [400, 401], action: 'reset pagination' },
    ]
    expect(await action(filters, { status: 200 })).toEqual({ said: undefined, looks: 0 })
    expect(await action(filters, { status: 401 })).toEqual({ said: 'reset pagination', looks: 0 })
    expect(await action(filters, { status: 400, text: 'b' })).toEqual({ said: 'fail', looks: 1 })
    expect(await action(filters, { status: 400, text: 'a' })).toEqual({ said: 'retry', looks: 1 })
  })
})

it.each<[string, unknown]>([
  ['without anything to fit', { action: 'retry' }],
  ['without an action', { status: 400 }],
  ['with an unknown action', { status: 400, action: 'explode' }],
  ['with an unknown name', { code: 400, action: 'retry' }],
  ['with a status that isn’t one', { status: '4xx', action: 'retry' }],
  ['with a status that isn’t one in a list', { status: [404, 99], action: 'retry' }],
  ['with a header that isn’t one', { header: { a: 1 }, action: 'retry' }],
  ['with an empty body', { body: '', action: 'retry' }],
])('a filter %s is refused, with its place', (_name, filter) => {
  const good: ResponseFilter = { status: 400, action: 'retry' }
  const check = () => checkFilters('rest: filters', [good, filter as ResponseFilter])
  expect(check).toThrow(OptionError)
  expect(check).toThrow(/^rest: filters\[1\]: /)
})
