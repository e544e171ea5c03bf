import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvParser } from '../../../../src/connectors/rest/records/csv.ts'
import { cutAt, cuts, parsed } from './parsing.ts'

const rows = async (text: string, options = {}) => (await parsed(csvParser(options), text)).items

describe('csvParser', () => {
  it('gives objects of texts by the names in the first row', async () => {
    expect(await rows('id,name\r\n1,"a ""b"", c"\r\n2,\r\n')).toEqual([
      { id: '1', name: 'a "b", c' },
      { id: '2', name: '' },
    ])
  })

  it('gives back what was quoted, wherever the text is cut', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é'), maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field)), cuts, async (fields, at) => {
        const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`
        const text = [['x', 'y'], ...fields].map((line) => `${line.map(quoted).join(',')}\n`).join('')
        const { items, envelope } = await parsed(csvParser({}), ...cutAt(text, at))
        expect(items).toEqual(fields.map(([x, y]) => ({ x, y })))
        expect(envelope).toBeUndefined()
      }),
    )
  })

  it('takes the names of CSV without a header row, and another delimiter', async () => {
    expect(await rows('1;2\n3;4', { columns: ['a', 'b'], delimiter: ';' })).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ])
  })

  it('skips empty lines; an empty field that is alone has quotes', async () => {
    expect(await rows('a,b\n\n1,2\n\n')).toEqual([{ a: '1', b: '2' }])
    expect(await rows('a\n\n""\n1\n')).toEqual([{ a: '' }, { a: '1' }])
  })

  it('gives nothing for nothing', async () => {
    expect(await rows('')).toEqual([])
    expect(await rows('id,name\n')).toEqual([])
  })

  it.each([
    ['too few fields', 'a,b\n1,2\n3\n', 'row 2: expected 2 fields, found 1'],
    ['too many fields', 'a,b\n1,2,3\n', 'row 1: expected 2 fields, found 3'],
    ['an open quote', 'a\n"secret', 'CSV_QUOTE_NOT_CLOSED in line'],
    ['a quote in the midst', 'a\nsecret"x"\n', 'INVALID_OPENING_QUOTE in line 2'],
    ['text after a quote', 'a\n"secret"x\n', 'CSV_INVALID_CLOSING_QUOTE in line 2'],
    ['a name twice', 'a,b,a\n1,2,3\n', 'found "a" twice'],
    ['a name that objects have', '__proto__\n1\n', 'reserved'],
  ])('refuses %s', async (_what, text, message) => {
    await expect(rows(text)).rejects.toThrow(SyntaxError)
    await expect(rows(text)).rejects.toThrow(message)
    await expect(rows(text)).rejects.not.toThrow('secret')
  })

  it('passes on an error of the text', async () => {
    const failure = new Error('connection lost')
    async function* text() {
      yield 'a\n1\n'
      throw failure
    }
    await expect(csvParser({})(text()).next()).rejects.toBe(failure)
  })

  it('ends the text when nobody reads on', async () => {
    let ended = false
    async function* text() {
      try {
        yield 'a\n'
        for (;;) yield '1\n'.repeat(1_000)
      } finally {
        ended = true
      }
    }
    for await (const chunk of csvParser({})(text())) {
      expect(chunk).toHaveLength(999) // the header was one of the first thousand records
      break
    }
    await expect.poll(() => ended).toBe(true)
  })
})
