import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { PaginationReset } from '../../../../src/connectors/rest/http/http-error.ts'
import type { HttpClient, HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { fetchPage, type PaginateOptions, paginate } from '../../../../src/connectors/rest/pagination/paginate.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import { PortError } from '../../../../src/errors.ts'
import { type Answer, clientOf, rowsUrl } from './api.ts'

const base: HttpRequest = { url: rowsUrl }
const pagination = cursorPagination({ param: 'cursor', next: 'next' })
const options: PaginateOptions = { pagination, body: { records: 'items' } }

/** Answers with pages of the given items, in order; the cursor is the page's number. */
function pagesOf(...pages: readonly (readonly unknown[])[]) {
  return clientOf(({ query }) => {
    const page = Number(query.cursor ?? 0)
    const next = page + 1 < pages.length ? String(page + 1) : null
    return { body: { items: pages[page], next } }
  })
}

/** What a run gives: items, and where it began again. */
async function all(client: HttpClient, given: Partial<PaginateOptions> = {}, request = base): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const step of paginate(client, request, { ...options, ...given })) {
    if (step.kind === 'reset') found.push(`reset after ${step.items}`)
    else for await (const chunk of step.page.chunks) found.push(...chunk)
  }
  return found
}

describe('paginate', () => {
  it('gives page after page', async () => {
    const client = pagesOf([1, 2], [3], [], [4, 5])
    expect(await all(client)).toEqual([1, 2, 3, 4, 5])
    expect(client.requests.map(({ query }) => query.cursor)).toEqual([undefined, '1', '2', '3'])
  })

  it('gives states and ends beside the pages', async () => {
    const steps = []
    for await (const step of paginate(pagesOf([1, 2], [3]), base, options)) steps.push(step)
    expect(steps).toMatchObject([
      { kind: 'page', state: {} },
      { kind: 'page', state: { cursor: '1' } },
    ])
    expect(steps.map((step) => step.kind === 'page' && step.page.end())).toMatchObject([
      { count: 2, first: 1, last: 2, envelope: { next: '1' }, records: ['items'] },
      { count: 1, envelope: { next: null } },
    ])
  })

  it('takes the items of all pages from where the first one had them', async () => {
    const client = clientOf(({ query }) =>
      query.cursor === undefined
        ? { body: { items: [{ id: 1 }], next: 'c2' } }
        : { body: { items: [], included: [{ id: 9 }], next: null } },
    )
    expect(await all(client, { body: {} })).toEqual([{ id: 1 }])
    const failing = clientOf(({ query }) =>
      query.cursor === undefined ? { body: { items: [{ id: 1 }], next: 'c2' } } : { body: { errors: [{ id: 9 }] } },
    )
    await expect(all(failing, { body: {} })).rejects.toThrow('expected an array at items')
  })

  it('reads a body that is larger than the buffer page by page', async () => {
    const client = pagesOf([1, 2], [3], [4])
    expect(await all(client, { body: { records: 'items', bufferBytes: 1 } })).toEqual([1, 2, 3, 4])
  })

  it('refuses to go on from a page that wasn’t read', async () => {
    const steps = paginate(pagesOf([1, 2], [3]), base, { ...options, body: { records: 'items', bufferBytes: 1 } })
    await steps.next()
    await expect(steps.next()).rejects.toThrow('expected the end of a page after its chunks were read')
  })

  it('freezes the request', async () => {
    const params = { since: '1' }
    const client = clientOf(({ query }) => {
      params.since = '2'
      return { body: { items: [1], next: query.cursor === undefined ? 'c2' : null } }
    })
    await all(client, {}, { url: rowsUrl, params })
    expect(client.requests.map(({ query }) => query.since)).toEqual(['1', '1'])
  })

  describe('ends what would not end:', () => {
    it('a cursor that comes again', async () => {
      const client = clientOf(({ query }, index) => ({
        body: { items: [index], next: query.cursor === undefined ? 'a' : query.cursor === 'a' ? 'b' : 'a' },
      }))
      await expect(all(client)).rejects.toThrow(PortError)
      await expect(all(client)).rejects.toThrow('expected a new cursor for the next page, found one that came before')
      expect(client.requests).toHaveLength(6)
    })

    it('the first page again', async () => {
      const again = cursorPagination({ param: 'cursor', next: 'next', start: 'a' })
      const client = clientOf((_request, index) => ({ body: { items: [index], next: 'a' } }))
      await expect(all(client, { pagination: again })).rejects.toThrow('came before in this run')
      expect(client.requests).toHaveLength(1)
    })

    const endless = (answer: (page: number) => Answer['body']) =>
      clientOf((_request, index) => ({ body: answer(index) }))

    it('more pages than maxPages', async () => {
      const client = endless((page) => ({ items: [page], next: String(page + 1) }))
      await expect(all(client, { maxPages: 3 })).rejects.toThrow(
        'expected the last page within 3, found that there are more',
      )
      expect(client.requests).toHaveLength(3)
    })

    it('as many pages as maxPages are fine', async () => {
      expect(await all(pagesOf([1], [2], [3]), { maxPages: 3 })).toEqual([1, 2, 3])
    })

    it('empty pages that lead on', async () => {
      const client = endless((page) => ({ items: [], next: String(page + 1) }))
      await expect(all(client, { maxEmptyPages: 5 })).rejects.toThrow('found 6 empty pages')
      expect(await all(pagesOf([], [], [1], [], []), { maxEmptyPages: 2 })).toEqual([1])
    })

    it('pages that are all the same, as the API doesn’t know the parameter', async () => {
      const client = endless(() => ({ items: [{ id: 1 }, { id: 2 }] }))
      const wrong = offsetLimit({ offset: 'wrong', size: 2 })
      await expect(all(client, { pagination: wrong })).rejects.toThrow('found the one before again: 2 rows')
      expect(client.requests).toHaveLength(2)
    })

    it('equal pages where they may be', async () => {
      const readings = [{ value: 0 }, { value: 0 }]
      await expect(all(pagesOf(readings, readings))).rejects.toThrow('set "allowEqualPages"')
      expect(await all(pagesOf(readings, readings), { allowEqualPages: true })).toEqual([...readings, ...readings])
      expect(await all(pagesOf([1], [1], [1]))).toEqual([1, 1, 1])
      expect(await all(pagesOf([1, 2], [1, 3], [0, 3]))).toEqual([1, 2, 1, 3, 0, 3])
    })
  })

  describe('asks ahead', () => {
    it('for one page while the one before is handled', async () => {
      const client = pagesOf([1], [2], [3], [4])
      const steps = paginate(client, base, options)
      await steps.next()
      expect(client.requests).toHaveLength(2)
      for (let i = 0; i < 10; i++) await nextTurn()
      expect(client.requests).toHaveLength(2)
      await steps.next()
      expect(client.requests).toHaveLength(3)
      await steps.return()
    })

    it('for none when told so', async () => {
      const client = pagesOf([1], [2])
      const steps = paginate(client, base, { ...options, prefetch: 0 })
      await steps.next()
      for (let i = 0; i < 10; i++) await nextTurn()
      expect(client.requests).toHaveLength(1)
      await steps.next()
      expect(client.requests).toHaveLength(2)
      await steps.return()
    })

    it('and aborts that when nobody wants it, and waits for its end', async () => {
      let aborted = false
      const client: HttpClient = {
        send: async (request, take, given) => {
          const asked = pagesOf([1], [2])
          if (request.params?.cursor === undefined) return asked.send(request, take, given)
          return new Promise((_resolve, reject) => {
            given?.signal?.addEventListener('abort', async () => {
              await nextTurn()
              aborted = true
              reject(given.signal?.reason)
            })
          })
        },
        close: async () => {},
      }
      const steps = paginate(client, base, options)
      await steps.next()
      await steps.return()
      expect(aborted).toBe(true)
    })
  })

  it('ends with the signal', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const client = clientOf((_request, index) => {
      if (index === 1) stop.abort(reason)
      return { body: { items: [index], next: String(index + 1) } }
    })
    await expect(all(client, { signal: stop.signal })).rejects.toBe(reason)
    expect(client.requests).toHaveLength(2)
  })

  it('passes on what the client throws, after the pages before', async () => {
    const failure = new Error('500')
    const client = clientOf((_request, index) => {
      if (index === 1) throw failure
      return { body: { items: [index], next: 'c2' } }
    })
    const steps = paginate(client, base, options)
    expect((await steps.next()).value).toMatchObject({ kind: 'page' })
    await expect(steps.next()).rejects.toBe(failure)
  })

  it('leaves no rejection behind when it ends before the failure is asked for', async () => {
    const client = clientOf((_request, index) => {
      if (index === 1) throw new Error('500')
      return { body: { items: [index], next: 'c2' } }
    })
    const steps = paginate(client, base, options)
    await steps.next()
    for (let i = 0; i < 5; i++) await nextTurn()
    await steps.return()
  })

  it('lets go of a page that was asked for ahead and isn’t wanted', async () => {
    const bodies: Readable[] = []
    const client: HttpClient = {
      send: (request, take, given) =>
        pagesOf([1], [2]).send(
          request,
          (response) => {
            bodies.push(response.body)
            // The first page is whole, and leads to one that isn't.
            return take(bodies.length === 1 ? response : { ...response, body: endless() })
          },
          given,
        ),
      close: async () => {},
    }
    const endless = (): Readable => {
      const body = Readable.from(
        (function* () {
          yield Buffer.from('{"items":[0')
          for (;;) yield Buffer.from(',0'.repeat(10_000))
        })(),
        { objectMode: false },
      )
      bodies.push(body)
      return body
    }
    const steps = paginate(client, base, { ...options, body: { records: 'items', bufferBytes: 1_000 } })
    await steps.next()
    for (let i = 0; i < 20; i++) await nextTurn()
    await steps.return()
    expect(bodies.at(-1)?.destroyed).toBe(true)
  })

  it('begins with a page that was asked for before', async () => {
    const client = pagesOf([1, 2], [3])
    const first = await fetchPage(client, base, options.body)
    expect(await all(client, { first })).toEqual([1, 2, 3])
    expect(client.requests).toHaveLength(2)
  })

  it('lets go of such a page, too', async () => {
    let discarded = false
    const page = await fetchPage(pagesOf([1, 2]), base, { records: 'items', bufferBytes: 1 })
    const discard = () => {
      discarded = true
    }
    const first = { ...page, discard }
    const steps = paginate(pagesOf(), base, { ...options, first })
    await steps.next()
    expect(discarded).toBe(false)
    await steps.return()
    expect(discarded).toBe(true)
  })

  describe('when the pagination is lost', () => {
    const lost = () =>
      new PaginationReset('cursor expired', { method: 'GET', url: rowsUrl, status: 410, retryable: false })
    /** Pages of one item each; the given requests (from 0) are answered with a reset. */
    const losing = (...resets: readonly number[]) =>
      clientOf(({ query }, index) => {
        if (resets.includes(index)) throw lost()
        const page = Number(query.cursor ?? 0)
        return { body: { items: [{ page, index }], next: page < 3 ? String(page + 1) : null } }
      })
    const pagesIn = (found: readonly unknown[]) => found.map((item) => (item as { page?: number }).page ?? item)

    it('begins again, and says how many items may come again', async () => {
      expect(pagesIn(await all(losing(2)))).toEqual([0, 1, 'reset after 2', 0, 1, 2, 3])
    })

    it('also at the first page', async () => {
      expect(pagesIn(await all(losing(0)))).toEqual(['reset after 0', 0, 1, 2, 3])
    })

    it('asks for the first page again, even if that was given', async () => {
      const client = losing(1)
      const first = await fetchPage(client, base, options.body)
      expect(pagesIn(await all(client, { first }))).toEqual([0, 'reset after 1', 0, 1, 2, 3])
    })

    it('fails the second time', async () => {
      const client = losing(2, 4)
      await expect(all(client)).rejects.toThrow(PortError)
      expect(client.requests).toHaveLength(5)
    })

    it('may meet the same cursors again', async () => {
      const client = losing(3)
      expect(pagesIn(await all(client, { maxPages: 4 }))).toEqual([0, 1, 2, 'reset after 3', 0, 1, 2, 3])
    })
  })

  it('reads one page', async () => {
    const client = clientOf(() => ({ body: { items: [1, 2], next: 'c2' } }))
    expect(await all(client, { pagination: singlePage() })).toEqual([1, 2])
  })
})
