import { setImmediate as nextTurn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { Page } from '../../../../src/connectors/rest/pagination/types.ts'
import { readPage } from '../../../../src/connectors/rest/records/page.ts'
import type { PageOptions } from '../../../../src/connectors/rest/records/page-options.ts'
import { isRetryable, PortError } from '../../../../src/errors.ts'
import { answer } from './answer.ts'

const items = Array.from({ length: 2_500 }, (_, id) => ({ id, text: 'é'.repeat(200) }))
const json = JSON.stringify({ next: 'c2', data: { items } })
const envelope = { next: 'c2', data: { items: [] } }
const end = { status: 200, headers: { 'content-type': 'application/json' }, url: 'http://api.test/rows' }
const small: PageOptions = { records: 'data.items', bufferBytes: 1_000 }

async function read(page: Page): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const chunk of page.chunks) {
    expect(chunk.length).toBeGreaterThan(0)
    expect(chunk.length).toBeLessThanOrEqual(1_000)
    found.push(...chunk)
  }
  return found
}

/** What reading to the end throws. */
async function failure(reading: Promise<Page>): Promise<Error> {
  const error: unknown = await reading.then(read).then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  )
  return error as Error
}

/** Text in parts of a few bytes, cut within characters. */
function* parts(text: string, length = 333): Generator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += length) yield bytes.subarray(from, from + length)
}

describe('a page of a small body', () => {
  it('is whole at once', async () => {
    const page = await readPage(answer(parts(json)), { records: 'data.items' })
    expect(page.whole).toBe(true)
    const known = { ...end, count: 2_500, first: items[0], last: items[2_499], envelope, records: ['data', 'items'] }
    expect(page.end()).toEqual(known)
    expect(await read(page)).toEqual(items)
    page.discard()
    expect(page.end()).toEqual(known)
  })

  it.each([
    [{ data: { items: null }, errors: [{ message: 'secret' }] }],
    [{ data: { items: [] }, errors: { rate: 'secret' } }],
    [{ data: { items: [] }, error: 'secret' }],
    [{ data: { items: null }, error: { code: 1 } }],
  ])('is no empty page beside errors: %o', async (body) => {
    for (const bufferBytes of [1, 1_000]) {
      const error = await failure(readPage(answer(JSON.stringify(body)), { records: 'data.items', bufferBytes }))
      expect(error).toBeInstanceOf(PortError)
      expect(error.message).toContain('expected rows or none, found none beside an error in an answer 200')
      expect(error.message).not.toContain('secret')
    }
  })

  it.each([
    [{ data: { items: [{ id: 1 }] }, errors: [{ message: 'of another part' }] }, 1],
    [{ data: { items: null }, errors: [], error: null }, 0],
    [{ data: { items: [] }, errors: false, error: '' }, 0],
  ])('is a page where there are rows, or no errors: %o', async (body, count) => {
    const page = await readPage(answer(JSON.stringify(body)), { records: 'data.items' })
    expect(page.end().count).toBe(count)
  })

  it('finds its items', async () => {
    const page = await readPage(answer(json))
    expect(page.end()).toMatchObject({ count: 2_500, records: ['data', 'items'] })
  })

  it.each([
    ['application/x-ndjson', '{"id":1}\n{"id":2}\n', {}, [{ id: 1 }, { id: 2 }]],
    ['text/csv', '\ufeffid\n1\n2\n', {}, [{ id: '1' }, { id: '2' }]],
    ['text/tab-separated-values', 'id\tname\n1\ta,b\n', {}, [{ id: '1', name: 'a,b' }]],
    ['text/csv', 'id;name\n1;a\n', { csv: { delimiter: ';' } }, [{ id: '1', name: 'a' }]],
    ['application/xml', '<rows><row>1</row></rows>', { records: 'rows.row' }, ['1']],
    ['text/plain', '[{"id":1}]', {}, [{ id: 1 }]],
    ['', '[{"id":1}]', {}, [{ id: 1 }]],
    ['text/html', '[{"id":1}]', { format: 'json' as const }, [{ id: 1 }]],
  ])('may be %s', async (type, body, options, expected) => {
    const page = await readPage(answer(body, type), options)
    expect(page.end().count).toBe(expected.length)
    expect(await read(page)).toEqual(expected)
  })

  it.each([
    ['text/csv; charset=iso-8859-1', Buffer.from('a\né\n', 'latin1'), {}, [{ a: 'é' }]],
    [
      'text/xml',
      Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><r><i>é</i></r>', 'latin1'),
      { records: 'r.i' },
      ['é'],
    ],
    ['application/json; charset=utf-16le', Buffer.from('["é"]', 'utf16le'), { records: '' }, ['é']],
  ])('is read in its charset: %s', async (type, body, options, expected) => {
    expect(await read(await readPage(answer(body, type), options))).toEqual(expected)
  })

  it('without a body has no items', async () => {
    for (const status of [204, 205]) {
      const page = await readPage(answer([], '', status), small)
      expect(page.end()).toMatchObject({ status, count: 0, envelope: undefined })
      expect(await read(page)).toEqual([])
    }
  })

  it('is asked of a function as one value', async () => {
    const page = await readPage(answer(json), { records: () => [] })
    expect(page.end()).toMatchObject({ count: 0, envelope: { next: 'c2', data: { items } }, records: undefined })
  })
})

describe('a page of a large body', () => {
  it('arrives while it is read', async () => {
    const page = await readPage(answer(parts(json)), small)
    expect(page.whole).toBe(false)
    expect(() => page.end()).toThrow(PortError)
    expect(await read(page)).toEqual(items)
    expect(page.end()).toEqual({
      ...end,
      count: 2_500,
      first: items[0],
      last: items[2_499],
      envelope,
      records: ['data', 'items'],
    })
  })

  it('arrives no faster than it is read', async () => {
    let sent = 0
    function* endless() {
      yield '{"items":[{"id":0}'
      for (;;) {
        const part = `,{"id":${sent}}`.repeat(1_000)
        sent += part.length
        yield part
      }
    }
    const response = answer(endless())
    const page = await readPage(response, { ...small, records: 'items' })
    const chunks = page.chunks[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) await chunks.next()
    for (let i = 0; i < 100; i++) await nextTurn()
    expect(sent).toBeLessThan(1_500_000)
    const before = sent
    for (let i = 0; i < 100; i++) await nextTurn()
    expect(sent).toBe(before)
    await chunks.return?.()
    expect(response.body.destroyed).toBe(true)
  })

  it('lets go of the response when it is discarded, read or not', async () => {
    const response = answer(parts(json))
    const page = await readPage(response, small)
    page.discard()
    expect(response.body.destroyed).toBe(true)
    await nextTurn()
  })

  it.each([false, true])('ends with the signal’s reason (while it is read: %s)', async (reading) => {
    const response = answer(parts(json, 100))
    const stop = new AbortController()
    const page = await readPage(response, small, { signal: stop.signal })
    const chunks = page.chunks[Symbol.asyncIterator]()
    const reason = new Error('enough')
    const next = reading ? chunks.next() : undefined
    stop.abort(reason)
    await expect(next ?? chunks.next()).rejects.toBe(reason)
    expect(response.body.destroyed).toBe(true)
  })

  it('that is an array needs no records; another one does, as a path', async () => {
    const body = JSON.stringify(items)
    expect(await read(await readPage(answer(parts(body)), { bufferBytes: 1_000 }))).toEqual(items)
    const told = await failure(readPage(answer(json), { bufferBytes: 1_000 }))
    expect(told).toBeInstanceOf(PortError)
    expect(told.message).toContain('expected "records"')
    const called = await failure(readPage(answer(json), { bufferBytes: 1_000, records: () => [] }))
    expect(called.message).toContain('expected "records" to be a path, found a function')
  })
})

async function* broken(lost: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from(json.slice(0, 700_000))
  throw lost
}

describe('a body that can’t be read', () => {
  const page = '<!doctype html><h1>Bad gateway</h1> token=s3cret-token-value '

  it.each([
    [
      'a proxy’s page',
      answer(page, 'text/html'),
      {},
      'answered 200 with text/html in place of JSON, NDJSON, CSV or XML',
    ],
    ['a proxy’s page for CSV', answer(page, 'text/html'), { format: 'csv' as const }, 'with text/html in place of CSV'],
    ['an image', answer('x', 'image/png'), {}, 'with image/png in place of'],
    ['a proxy’s page that says it is JSON', answer(page), {}, 'can’t be read as JSON (Unexpected token'],
    ['nothing', answer(''), {}, 'can’t be read as JSON (Unexpected end'],
    ['cut JSON', answer(json.slice(0, -5)), {}, 'can’t be read as JSON'],
    ['cut JSON that arrives', answer(parts(json.slice(0, -5))), small, 'can’t be read as JSON'],
    [
      'cut JSON in an item',
      answer(parts(json.slice(0, -20))),
      small,
      'can’t be read as JSON (the text ends in the midst',
    ],
    ['cut NDJSON', answer('{"id":1}\n{"id', 'application/x-ndjson'), {}, 'can’t be read as NDJSON (line 2: '],
    ['cut CSV', answer('id,name\n1', 'text/csv'), {}, 'can’t be read as CSV (row 1: '],
    ['cut XML', answer('<r><i>1</i>', 'text/xml'), { records: 'r.i' }, 'can’t be read as XML'],
    [
      'CSV cut in a character',
      answer(Buffer.from('id\né').subarray(0, -1), 'text/csv'),
      {},
      '(bytes that aren’t utf-8)',
    ],
    ['bytes in no charset', answer(Buffer.from([0x22, 0xff, 0x22])), {}, '(bytes that aren’t utf-8)'],
    ['an unknown charset', answer('[]', 'application/json; charset=martian'), {}, '(the charset "martian"'],
  ])('%s may be better the next time', async (_what, response, options, message) => {
    const error = await failure(readPage(response, options, { method: 'POST' }))
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 200, method: 'POST', url: end.url, retryable: true })
    expect(error.message).toContain(message)
    expect(inspect(error)).not.toContain('s3cret')
    expect(response.body.destroyed).toBe(true)
  })

  it('shows how it begins, but not much of it, and ends it', async () => {
    const response = answer(parts(`${page}${'x'.repeat(100_000)}`), 'text/html')
    const error = await failure(readPage(response))
    expect(error.message).toContain('Bad gateway')
    expect(error.message.length).toBeLessThan(600)
    expect(response.body.destroyed).toBe(true)
  })

  it('leaves a connection that was lost to the client while it waits', async () => {
    const lost = new Error('socket hang up')
    await expect(readPage(answer(broken(lost)))).rejects.toBe(lost)
  })

  it('says so when the connection is lost later', async () => {
    const lost = new Error('other side closed: /?token=s3cret-token-value')
    const error = await failure(readPage(answer(broken(lost)), small))
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: true, cause: lost })
    expect(error.message).toContain('its body broke off: other side closed: /?token=***')
  })

  it('is another thing than one whose rows aren’t where they should be', async () => {
    const error = await failure(readPage(answer('{"error":"no"}'), { records: 'items' }))
    expect(error).toBeInstanceOf(PortError)
    expect(isRetryable(error)).toBe(false)
  })

  it.each([
    ['application/x-ndjson', 'a'],
    ['text/csv', 'a'],
    ['text/csv', () => []],
    ['text/xml', () => []],
    ['text/xml', undefined],
  ])('is one for which "records" makes no sense: %s, %s', async (type, records) => {
    const error = await failure(readPage(answer('', type), records === undefined ? {} : { records }))
    expect(error).toBeInstanceOf(PortError)
    expect(error.message).toContain('"records"')
  })
})
