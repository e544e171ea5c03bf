import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrivingJsonParser } from '../../../../src/connectors/rest/records/json.ts'
import { JsonItems } from '../../../../src/connectors/rest/records/json-items.ts'
import { namesOf, type Path, withValueAt } from '../../../../src/connectors/rest/records/path.ts'
import { takeRecords } from '../../../../src/connectors/rest/records/records.ts'
import { PortError } from '../../../../src/errors.ts'
import { cutAt, cuts, fraction, parsed } from './parsing.ts'

function itemsOf(path: Path, ...pieces: readonly string[]): { items: unknown[]; envelope: unknown } {
  const json = new JsonItems(namesOf(path))
  const items = pieces.flatMap((piece) => json.write(piece))
  return { items, envelope: json.end() }
}

/** Names and texts that look like structure. */
const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '[', ']', '{', '}', ',', ':', 'é', '𝒳', '\n'),
  maxLength: 6,
})
const name = fc.oneof(
  fc.constantFrom('items', 'data'),
  // V8 13.6 takes a name that ends in a quote for one that ends in a backslash, once it has seen that in an object of the same shape.
  text.filter((value) => value !== '__proto__' && !value.endsWith('"')),
)
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 1, -2.5e3),
    text,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
}))
const path = fc.array(name, { maxLength: 3 })
const spaces = fc.constantFrom(undefined, 1, '\t')

describe('JsonItems', () => {
  it('gives what JSON.parse gives, wherever the text is cut', () => {
    fc.assert(
      fc.property(path, fc.array(anyValue), anyValue, spaces, cuts, (names, items, around, space, at) => {
        fc.pre(isAlongObjects(around, names))
        const whole = withValueAt(isObject(around) ? around : undefined, names, items)
        const body = JSON.stringify(whole, null, space)
        const expected = takeRecords(JSON.parse(body), names)
        const found = itemsOf(names, ...cutAt(body, at))
        expect(found.items).toEqual(expected.items)
        expect(found.envelope).toEqual(expected.envelope ?? [])
      }),
      { numRuns: 1_000 },
    )
  })

  it('refuses what JSON.parse refuses, wherever the text is cut', () => {
    const broken = fc.record({
      at: fraction,
      removed: fc.nat({ max: 3 }),
      put: fc.constantFrom('', ',', '"', '\\', '[', ']', '{', '}', ':', '1', ' ', 'x'),
    })
    fc.assert(
      fc.property(fc.array(anyValue), broken, cuts, (items, { at, removed, put }, pieces) => {
        const whole = JSON.stringify({ before: [1], items, after: { items: 2 } })
        const position = Math.floor(at * whole.length)
        const body = whole.slice(0, position) + put + whole.slice(position + removed)
        const expected = outcome(() => takeRecords(JSON.parse(body), 'items').items)
        const found = outcome(() => itemsOf('items', ...cutAt(body, pieces)).items)
        // A name that comes twice is one of them to JSON.parse, and an error here.
        if (found !== 'twice') expect(found).toEqual(expected)
      }),
      { numRuns: 3_000 },
    )
  })

  it.each(['[]', ' [ ] ', '[1]', '[1,[2],{"a":[3]}]'])('takes %j as the array itself', (body) => {
    expect(itemsOf('', body).items).toEqual(JSON.parse(body))
  })

  it('takes null for no items, and nothing else', () => {
    expect(itemsOf('items', '{"items":null,"next":1}')).toEqual({ items: [], envelope: { items: null, next: 1 } })
    expect(() => itemsOf('data.items', '{"data":{"rows":[1]}}')).toThrow(
      'expected an array at data.items, found nothing there in an object with data',
    )
    expect(() => itemsOf('items', '{"items":{"a":[1]}}')).toThrow('found an object with a')
    expect(() => itemsOf('items', '[1]')).toThrow('expected an array at items, found nothing there in an array')
  })

  it('counts in arrays on the way', () => {
    const body = '{"results":[{"items":[0]},{"other":[9],"items":[1,2]}]}'
    expect(itemsOf('results.1.items', body).items).toEqual([1, 2])
  })

  it('finds a name that is written with escapes', () => {
    expect(itemsOf('items', '{"\\u0069tems":[1]}').items).toEqual([1])
  })

  it('refuses a name that comes twice, of which one would be lost', () => {
    expect(() => itemsOf('items', '{"items":[1],"items":[2]}')).toThrow(PortError)
    expect(() => itemsOf('items', '{"items":[1],"items":null}')).toThrow('twice')
  })

  it.each([
    ['cut in an item', '{"items":[1,{"a":2', 'after item 1'],
    ['cut after an item', '{"items":[1,2', 'after item 1'],
    ['cut after the array', '{"items":[1,2]', 'Expected'],
    ['two commas', '{"items":[1,,2]}', 'expected an item after item 1'],
    ['a comma at the end', '{"items":[1,]}', 'expected an item after item 1'],
    ['another bracket', '{"items":[1}', 'Unexpected'],
    ['more after it', '{"items":[1]} 2', 'Unexpected'],
  ])('refuses a body with %s', (_what, body, message) => {
    for (let at = 0; at < body.length; at++) {
      expect(() => itemsOf('items', body.slice(0, at), body.slice(at))).toThrow(SyntaxError)
    }
    expect(() => itemsOf('items', ...body)).toThrow(message)
  })

  it('holds no items, however many there are', () => {
    const json = new JsonItems(['items'])
    let count = json.write('{"next":"x","items":[').length
    let held = 0
    for (let i = 0; i < 1_000; i++) {
      count += json.write(`${i === 0 ? '' : ','}{"id":${i},"text":"${'x'.repeat(100)}"}`).length
      held = Math.max(held, json.held)
    }
    count += json.write(']}').length
    expect(json.end()).toEqual({ next: 'x', items: [] })
    expect(count).toBe(1_000)
    expect(held).toBeLessThan(300)
  })
})

describe('arrivingJsonParser', () => {
  it('takes a body that is an array without being told', async () => {
    expect(await parsed(arrivingJsonParser(undefined), ' \n[1,', '2]')).toEqual({
      items: [1, 2],
      envelope: [],
      records: [],
    })
  })

  it('needs to be told where the items of another body are', async () => {
    await expect(parsed(arrivingJsonParser(undefined), '{"items":[1]}')).rejects.toThrow('expected "records"')
  })

  it('refuses more than it may hold', async () => {
    const long = 'x'.repeat(16 * 1024 * 1024)
    const pieces = ['{"text":"', long, long, long, long, long, '","items":[]}']
    await expect(parsed(arrivingJsonParser(['items']), ...pieces)).rejects.toThrow('that are one item, or none')
  })
})

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a path can be put into a value without meeting anything but objects. */
function isAlongObjects(value: unknown, [first, ...rest]: readonly string[]): boolean {
  if (first === undefined) return true
  if (!isObject(value)) return true
  const inner = value[first]
  return rest.length === 0 || inner === undefined || (isObject(inner) && isAlongObjects(inner, rest))
}

function outcome(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error instanceof PortError && error.message.includes('twice') ? 'twice' : 'refused'
  }
}
