import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ndjsonParser } from '../../../../src/connectors/rest/records/ndjson.ts'
import { cutAt, cuts, parsed } from './parsing.ts'

describe('ndjsonParser', () => {
  it('gives each line’s value, wherever the text is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        cuts,
        async (values, end, ended, at) => {
          const body = values.map((value) => JSON.stringify(value)).join(end) + (ended ? end : '')
          const { items, envelope } = await parsed(ndjsonParser(), ...cutAt(body, at))
          expect(JSON.stringify(items, bigintAsNumber)).toBe(JSON.stringify(values))
          expect(envelope).toBeUndefined()
        },
      ),
    )
  })

  it('skips empty lines, and ends lines at line feeds only', async () => {
    const { items } = await parsed(ndjsonParser(), '\n{"a":"x\u2028y"}\n\n  \r\n{"a":2}')
    expect(items).toEqual([{ a: 'x\u2028y' }, { a: 2 }])
  })

  it('keeps long integers', async () => {
    expect((await parsed(ndjsonParser(), '9007199254740993\n')).items).toEqual([9007199254740993n])
  })

  it.each([
    ['{"a":1}\n{"a":', 'line 2: '],
    ['{"a":1\n,"b":2}', 'line 1: '],
    ['\n1 2', 'line 2: '],
  ])('refuses %j, and says in which line', async (body, message) => {
    await expect(parsed(ndjsonParser(), body)).rejects.toThrow(message)
    await expect(parsed(ndjsonParser(), ...body)).rejects.toThrow(SyntaxError)
  })

  it('refuses a line that is longer than what may be held', async () => {
    const long = 'x'.repeat(40 * 1024 * 1024)
    await expect(parsed(ndjsonParser(), '"', long, long)).rejects.toThrow('that are one item, or none')
  })
})

function bigintAsNumber(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}
