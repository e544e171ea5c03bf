import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { checkedFailures, sinkAnswer } from '../../../../src/connectors/rest/sink/row-errors.ts'
import { PortError } from '../../../../src/errors.ts'

describe('sinkAnswer', () => {
  const answer = (contentType: string, body: string) =>
    sinkAnswer({
      status: 207,
      headers: { 'content-type': contentType },
      url: 'http://127.0.0.1/',
      body: Readable.from([Buffer.from(body)], { objectMode: false }),
    })

  it('parses JSON, of any of its kinds', async () => {
    expect(await answer('application/json; charset=utf-8', '{"errors":[]}')).toMatchObject({
      status: 207,
      body: { errors: [] },
    })
    expect(await answer('application/problem+json', '[]')).toMatchObject({ body: [] })
  })

  it('gives the text of anything else', async () => {
    expect(await answer('text/plain', '{"errors":[]}')).toMatchObject({ body: '{"errors":[]}' })
  })

  it('fails for JSON that is cut short, so that the request is repeated', async () => {
    await expect(answer('application/json', '{"errors":[')).rejects.toMatchObject({
      code: 'SLUICE_HTTP',
      retryable: true,
    })
  })

  it('is an empty text where a receiver says nothing, whatever its type', async () => {
    expect(await answer('application/json', '')).toMatchObject({ body: '' })
  })
})

describe('checkedFailures', () => {
  it('sorts by row', () => {
    expect(checkedFailures([{ index: 2 }, { index: 0, reason: 'a' }], 3)).toEqual([
      { index: 0, reason: 'a' },
      { index: 2 },
    ])
    expect(checkedFailures([], 3)).toEqual([])
  })

  it('takes one a row, and for good rather than for now', () => {
    const [now, good] = [
      { index: 1, retryable: true },
      { index: 1, reason: 'bad' },
    ]
    expect(checkedFailures([now, good], 3)).toEqual([good])
    expect(checkedFailures([good, now], 3)).toEqual([good])
  })

  it.each([
    [[{ index: 3 }], /named row 3, and the request's rows are 0 to 2/],
    [[{ index: -1 }], /named row -1/],
    [[{ index: 0.5 }], /named row 0.5/],
    [[{}], /named row undefined/],
    [[null], /named row undefined/],
    [undefined, /must answer with a list, .* and it answered with undefined/],
    ['all', /must answer with a list/],
  ])('refuses %j', (failures, message) => {
    expect(() => checkedFailures(failures, 3)).toThrow(PortError)
    expect(() => checkedFailures(failures, 3)).toThrow(message)
  })
})
