import { describe, expect, it } from 'vitest'
import { linkHeader } from '../../../../src/connectors/rest/pagination/link-header.ts'
import { nextUrl } from '../../../../src/connectors/rest/pagination/next-url.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { origin, pageEnd, requestAfter, rowsUrl } from './api.ts'

const byBody = (next: unknown) => pageEnd({ next }, { url: `${origin}/v1/rows?page=1` })
const byHeader = (next: unknown) =>
  pageEnd(undefined, { url: `${origin}/v1/rows?page=1`, headers: { link: `<${next}>; rel="next"` } })

describe.each([
  ['nextUrl', nextUrl, byBody],
  ['linkHeader', linkHeader, byHeader],
] as const)('%s', (_name, make, page) => {
  const base = { url: `${origin}/v1/rows`, params: { page: 1 }, headers: { accept: '*/*' } }
  const following = (url: string, origins: readonly string[] = []) => requestAfter(make({ origins }), page(url), base)

  it.each([
    [`${origin}/v1/rows?page=2`, `${origin}/v1/rows?page=2`],
    ['/v2/rows?page=2', `${origin}/v2/rows?page=2`],
    ['?page=2', `${origin}/v1/rows?page=2`],
    ['more', `${origin}/v1/more`],
  ])('follows %s', (url, resolved) => {
    expect(following(url)).toMatchObject({ url: resolved, headers: { accept: '*/*' } })
  })

  it('sends no parameters but the URL’s own', () => {
    expect(following('?cursor=x')?.query).toEqual({ cursor: 'x' })
  })

  it('keeps method and body', () => {
    const search = { ...base, method: 'POST', body: { json: { query: 'x' } } }
    const pagination = make()
    const next = pagination.next(pagination.first, page('?page=2'))
    expect(pagination.request(next ?? {}, search)).toMatchObject({ method: 'POST', body: search.body })
  })

  it.each([
    'https://api.test/rows',
    'http://api.test:8080/rows',
    '//evil.test/rows',
    'http://api.test.evil.test/',
    'file:///etc/passwd',
  ])('sends no credentials to %s', (url) => {
    expect(() => following(url)).toThrow(PortError)
    expect(() => following(url)).toThrow(`expected the next page at ${origin}, found it at`)
  })

  it('goes to another origin that was named, and to no other', () => {
    expect(following('https://cdn.test/rows', ['https://cdn.test'])?.url).toBe('https://cdn.test/rows')
    expect(() => following('https://cdn2.test/rows', ['https://cdn.test'])).toThrow(PortError)
  })

  it('leaves a user’s name in the URL out', () => {
    expect(following('http://me:secret@api.test/rows')?.url).toBe(rowsUrl)
  })

  it('refuses what isn’t a URL', () => {
    expect(() => following('http://')).toThrow('expected the URL of the next page')
  })

  it('refuses origins that aren’t', () => {
    expect(() => make({ origins: ['api.example.com'] })).toThrow(OptionError)
    expect(() => make({ origins: ['https://api.example.com/'] })).toThrow(OptionError)
  })
})

describe('nextUrl', () => {
  it.each([[undefined], [null], [''], [false]])('ends at %s', (next) => {
    expect(requestAfter(nextUrl(), byBody(next))).toBeUndefined()
  })

  it('finds the URL at a path or in a header', () => {
    const page = pageEnd({ '@odata.nextLink': '?a=1', links: { next: '?b=1' } }, { headers: { 'x-next': '?c=1' } })
    expect(requestAfter(nextUrl({ path: ['@odata.nextLink'] }), page)?.query).toEqual({ a: '1' })
    expect(requestAfter(nextUrl({ path: 'links.next' }), page)?.query).toEqual({ b: '1' })
    expect(requestAfter(nextUrl({ path: { header: 'X-Next' } }), page)?.query).toEqual({ c: '1' })
  })

  it('refuses what isn’t a text', () => {
    expect(() => requestAfter(nextUrl(), byBody({ href: '/' }))).toThrow('expected a URL at next, found an object')
    expect(() => requestAfter(nextUrl(), byBody(2))).toThrow('found 2')
  })
})

describe('linkHeader', () => {
  it('ends without a header, or without that relation in it', () => {
    expect(requestAfter(linkHeader(), pageEnd(undefined))).toBeUndefined()
    expect(requestAfter(linkHeader(), pageEnd(undefined, { headers: { link: '</>; rel="prev"' } }))).toBeUndefined()
  })

  it('follows another relation', () => {
    const page = pageEnd(undefined, { headers: { link: '<?n=1>; rel="next", <?o=1>; rel="Older"' } })
    expect(requestAfter(linkHeader({ rel: 'OLDER' }), page)?.query).toEqual({ o: '1' })
  })
})
