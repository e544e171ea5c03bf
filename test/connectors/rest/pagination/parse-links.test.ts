import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLinks } from '../../../../src/connectors/rest/pagination/parse-links.ts'
import { PortError } from '../../../../src/errors.ts'

describe('parseLinks', () => {
  it.each([
    ['', []],
    [' , ', []],
    ['<u>; rel="next"', [['u', ['next']]]],
    ['<u>; rel=next', [['u', ['next']]]],
    [
      '<u>;rel=NEXT,<v>;rel=prev',
      [
        ['u', ['next']],
        ['v', ['prev']],
      ],
    ],
    ['<u> ; rel = "next"', [['u', ['next']]]],
    ['<u>; rel="prev  next"', [['u', ['prev', 'next']]]],
    ['<u>; crossorigin; rel="next"', [['u', ['next']]]],
    ['<u>; title="a, b; rel=\\"x\\""; rel=next', [['u', ['next']]]],
    [
      '<u>; rel=next;, <v>; rel=last',
      [
        ['u', ['next']],
        ['v', ['last']],
      ],
    ],
    [', <u>; rel=next,', [['u', ['next']]]],
    ['<u>; rel=next; rel=prev', [['u', ['next']]]],
    ['<u?a=1,2;3>; rel=next', [['u?a=1,2;3', ['next']]]],
    ['<>; rel="next"', [['', ['next']]]],
    ['<u>', [['u', []]]],
    ['<u>; rel="next"; anchor="/other", <v>; rel=next', [['v', ['next']]]],
    ["<u>; title*=UTF-8'de'n%c3%a4chstes; rel=next", [['u', ['next']]]],
    ['<u>; rel="http://example.com/rels/Next"', [['u', ['http://example.com/rels/next']]]],
  ])('reads %j', (header, links) => {
    expect(parseLinks(header).map(({ target, rels }) => [target, rels])).toEqual(links)
  })

  it.each(['u; rel=next', '<u; rel=next', '<u>; rel=next <v>; rel=prev', '<u> rel=next', '<u>; rel="next'])(
    'refuses %j, which may hide a next page',
    (header) => {
      expect(() => parseLinks(header)).toThrow(PortError)
    },
  )

  it('finds every link among others', () => {
    const value = fc.string({ unit: fc.constantFrom('a', ',', ';', '"', '\\', '<', '>', '=', ' '), maxLength: 6 })
    const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
    const link = fc.tuple(fc.webUrl({ withQueryParameters: true }), value, fc.boolean())
    fc.assert(
      fc.property(fc.array(link), (links) => {
        const header = links
          .map(([url, title, first], index) => {
            const rel = `rel=r${index}`
            return `<${url}>; ${first ? `${rel}; title=${quoted(title)}` : `flag; title=${quoted(title)} ; ${rel}`}`
          })
          .join(' , ')
        expect(parseLinks(header)).toEqual(links.map(([target], index) => ({ target, rels: [`r${index}`] })))
      }),
    )
  })

  it('takes a time that grows with the length only', () => {
    const started = performance.now()
    expect(() => parseLinks(`<u>${'; a="'.repeat(19_999)}`)).toThrow(PortError)
    expect(() => parseLinks(`<u>${' '.repeat(100_000)}x`)).toThrow(PortError)
    expect(parseLinks('<u>; rel=next, '.repeat(5_000))).toHaveLength(5_000)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
