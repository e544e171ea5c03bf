import { describe, expect, it } from 'vitest'
import { fitsHeader, header, queryParameter } from '../../../../src/connectors/rest/auth/place.ts'
import { outgoing } from './requests.ts'

describe('a header', () => {
  it('is put in place of one of the same name, whatever its case, in a copy', () => {
    const request = outgoing({ headers: { Authorization: 'old', accept: 'text/csv' } })
    const place = header('authorization')
    expect(place.put(request, 'new').headers).toEqual({ accept: 'text/csv', authorization: 'new' })
    expect(place.take(request)).toBe('old')
    expect(place.take(outgoing())).toBe(undefined)
    expect(request.headers).toEqual({ Authorization: 'old', accept: 'text/csv' })
  })
})

describe('a query parameter', () => {
  const place = queryParameter('api key')

  it('joins a query that stays as it is written', () => {
    const url = 'https://api.example/items?q=a%20b&r=c+d'
    const request = outgoing({ url })
    expect(place.put(request, 'k&y').url.href).toBe(`${url}&api%20key=k%26y`)
    expect(place.put(outgoing(), 'key').url.href).toBe('https://api.example/items?api%20key=key')
    expect(request.url.href).toBe(url)
  })

  it('takes the place of one that is there', () => {
    const request = outgoing({ url: 'https://api.example/items?api+key=old&page=2' })
    expect(place.take(request)).toBe('old')
    expect(place.put(request, 'new').url.href).toBe('https://api.example/items?api+key=new&page=2')
  })
})

describe('what a header can’t carry', () => {
  it.each([
    ['s3cret\nx: y', 'a line break as character 7 of 11'],
    ['s3cr€t', 'a character beyond ASCII as character 5 of 6'],
  ])('is refused without being shown', (value, found) => {
    expect(() => fitsHeader(value, 'the token')).toThrow(`the token must fit into a header: it has ${found}`)
    expect(() => fitsHeader(value, 'the token')).not.toThrow('s3cr')
  })

  it('is not a plain value', () => {
    expect(fitsHeader('Bearer a.b~c/d+e=\t', 'the token')).toBe('Bearer a.b~c/d+e=\t')
  })
})
