import { describe, expect, it } from 'vitest'
import { formText, requestUrl } from '../../../../src/connectors/rest/http/request-url.ts'
import { OptionError } from '../../../../src/errors.ts'

const href = (...args: Parameters<typeof requestUrl>) => requestUrl(...args).href

describe('the URL of a request', () => {
  it('is as it is written', () => {
    const url = 'https://api.example/a%2Fb?q=a%20b+c&filter=x,y&empty=&flag&q=2'
    expect(href(url)).toBe(url)
    expect(href(url, { none: undefined })).toBe(url)
    expect(href('https://api.example/a#part')).toBe('https://api.example/a')
  })

  it('gets parameters, which win over those of their names, and leaves the others as they are', () => {
    expect(href('https://api.example/a?q=a%20b&page=1&p%61ge=2&filter=x,y', { page: 3, size: 10n })).toBe(
      'https://api.example/a?q=a%20b&filter=x,y&page=3&size=10',
    )
    expect(href('https://api.example/a', { ids: [1, 2], on: true })).toBe('https://api.example/a?ids=1&ids=2&on=true')
    expect(href('https://api.example/a?id=1', { id: [] })).toBe('https://api.example/a?id=1')
    expect(href('https://api.example/a', { 'a&b=': 'c d&e=ü+/' })).toBe(
      'https://api.example/a?a%26b%3D=c%20d%26e%3D%C3%BC%2B%2F',
    )
  })

  it.each(['/relative', 'ftp://api.example', 'nonsense', ''])('is not %j', (url) => {
    expect(() => requestUrl(url)).toThrow(OptionError)
  })

  it('has no user and password, and the error doesn’t show them', () => {
    expect(() => requestUrl('https://me:s3cret@api.example')).toThrow(/^(?!.*s3cret).*auth: basic/)
    expect(() => requestUrl('https://t0ken@api.example')).toThrow(/^(?!.*t0ken)/)
  })
})

it('a form is written as browsers do', () => {
  expect(formText({ a: 'b c', list: [1, 2], none: undefined, 'ü&': '=' })).toBe('a=b+c&list=1&list=2&%C3%BC%26=%3D')
})
