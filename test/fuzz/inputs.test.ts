import type { ConsumeMessage } from 'amqplib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlob } from '../../src/connectors/files/glob.ts'
import { messageReader } from '../../src/connectors/rabbitmq/message-row.ts'
import { timeOfText } from '../../src/connectors/records/times.ts'
import { quotasOf } from '../../src/connectors/rest/http/rate-limit-headers.ts'
import { retryAfterMs } from '../../src/connectors/rest/http/retry-after.ts'
import { parseLinks } from '../../src/connectors/rest/pagination/parse-links.ts'
import { arrivingJsonParser } from '../../src/connectors/rest/records/json.ts'
import { xmlParser } from '../../src/connectors/rest/records/xml.ts'
import { durationMs } from '../../src/duration.ts'
import { isSluiceError, OptionError, PortError, RowError } from '../../src/errors.ts'
import { rowChecker, schema } from '../../src/schema.ts'
import { cutAt, cuts, parsed } from '../connectors/rest/records/parsing.ts'
import { damage, damaged } from './damage.ts'

const runs = { numRuns: 400 }
/** One piece of damage, or two. */
const damages = fc.array(damage, { minLength: 1, maxLength: 2 })
const damagedText = (text: string) => damages.map((all) => all.reduce(damaged, Buffer.from(text)))
const secret = 'hunter2 of the body'

describe('a message of a queue', () => {
  const order = schema('id bigint not null, at timestamp, tags array<string>, raw binary')
  const misfit = rowChecker(order)
  const body = `{"id":"9007199254740993","at":"2026-01-02T03:04:05Z","tags":["a","${secret}"],"raw":"aGk="}`
  const message = (content: Buffer, more: object = {}): ConsumeMessage =>
    ({
      content,
      fields: { deliveryTag: 7, redelivered: false, exchange: '', routingKey: 'q', consumerTag: 'c' },
      properties: { headers: {}, ...more },
    }) as ConsumeMessage

  it.each(['text', 'json', 'bytes', order] as const)('that is damaged is refused, or is one: %j', (content) => {
    const read = messageReader(content)
    read('q', message(Buffer.from(body)))
    fc.assert(
      fc.property(damagedText(body), (bytes) => {
        try {
          const row = read('q', message(bytes))
          if (content === 'bytes') expect(Buffer.from(row.body as Uint8Array).equals(bytes)).toBe(true)
          else if (content === 'text') expect(Buffer.from(row.body as string).equals(bytes)).toBe(true)
          else if (content === 'json') JSON.parse(row.body as string)
          else expect(misfit(row.body)).toBeUndefined()
        } catch (error) {
          expect(error).toBeInstanceOf(RowError)
          expect(String(error)).toMatch(/q: message "with tag 7"|q: message with tag 7/)
          expect(String(error)).not.toContain('hunter2')
        }
      }),
      runs,
    )
  })

  it('may have any properties and headers', () => {
    const read = messageReader('text')
    const any = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withTypedArray: true })
    const names = ['messageId', 'correlationId', 'contentType', 'type', 'appId', 'timestamp'] as const
    const properties = fc.record({
      ...Object.fromEntries(names.map((name) => [name, any])),
      headers: fc.oneof(fc.constant(undefined), fc.dictionary(fc.string(), any)),
    })
    const fits = rowChecker(
      schema(
        'body string not null, queue string not null, exchange string not null, routingKey string not null, redelivered boolean not null, deliveryCount int, messageId string, correlationId string, contentType string, type string, appId string, timestamp timestamp, headers map<string, string>',
      ),
    )
    fc.assert(
      fc.property(properties, (given) => {
        expect(fits(read('q', message(Buffer.from('x'), given)))).toBeUndefined()
      }),
      runs,
    )
  })
})

describe('an answer that is damaged', () => {
  const xml =
    '<?xml version="1.0"?><feed a="1"><entries><entry id="1">a &amp; b</entry><entry><![CDATA[<c>]]></entry></entries></feed>'
  const json = '{"data":{"items":[{"id":1,"text":"é"},{"id":2,"more":[1,2,{"a":null}]}]},"next":"c2"}'

  it.each([
    ['XML', xml, () => xmlParser(['feed', 'entries', 'entry'])],
    ['JSON', json, () => arrivingJsonParser(['data', 'items'], {})],
  ] as const)('is an error, or items: %s', async (_format, text, make) => {
    expect((await parsed(make(), text)).items).toHaveLength(2)
    await fc.assert(
      fc.asyncProperty(damagedText(text), cuts, async (bytes, at) => {
        const begun = performance.now()
        try {
          const { items } = await parsed(make(), ...cutAt(bytes.toString(), at))
          expect(Array.isArray(items)).toBe(true)
          // Where it is cut makes no difference.
          expect(items).toEqual((await parsed(make(), bytes.toString())).items)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(error).not.toBeInstanceOf(RangeError)
          expect(error).not.toBeInstanceOf(TypeError)
          expect((error as Error).message.length).toBeLessThan(2_000)
        }
        expect(performance.now() - begun).toBeLessThan(5_000)
      }),
      runs,
    )
  })

  it('in XML that expands itself, or never ends, is refused', async () => {
    const make = () => xmlParser(['feed', 'entries', 'entry'])
    const laughs = `<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><feed><entries><entry>&b;</entry></entries></feed>`
    await expect(parsed(make(), laughs)).rejects.toThrow(/entity|entities/i)
    await expect(parsed(make(), '<feed>'.repeat(50_000))).rejects.toThrow(Error)
    await expect(parsed(make(), `<feed ${'a="'.repeat(50_000)}`)).rejects.toThrow(Error)
  })
})

describe('headers of any text', () => {
  const header = fc.oneof(
    fc.string({ unit: 'binary' }),
    damagedText('Wed, 21 Oct 2026 07:28:00 GMT').map(String),
    damagedText('limit=100, remaining=50, reset=30').map(String),
    damagedText('"default";r=50;t=30, "burst";r=9;t=1').map(String),
    fc.constantFrom('-1', '1e999', 'NaN', '9'.repeat(400), '0x10', '1,2,3', ''),
  )
  const now = Date.UTC(2026, 0, 1)

  it('say a time to wait that is one, or nothing', () => {
    const headers = fc.record(
      {
        'retry-after': header,
        date: header,
        ratelimit: header,
        'x-ratelimit-remaining': header,
        'x-ratelimit-reset': header,
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Readonly<Record<string, string>>>
    fc.assert(
      fc.property(headers, (given) => {
        const wait = retryAfterMs({ status: 429, headers: given }, now)
        if (wait !== undefined) expect(wait).toBeGreaterThanOrEqual(0)
        for (const { remaining, resetMs } of quotasOf(given, now)) {
          expect(remaining).toBeGreaterThanOrEqual(0)
          expect(resetMs).toBeGreaterThanOrEqual(0)
        }
      }),
      runs,
    )
  })

  it('have links, or none, or are refused, and never take long', () => {
    const long = fc.constantFrom(
      '<'.repeat(50_000),
      '<a>;'.repeat(20_000),
      `<a>;rel="${'\\'.repeat(50_001)}`,
      ' ,'.repeat(50_000),
    )
    fc.assert(
      fc.property(fc.oneof(damagedText('<https://a/?p=2>; rel="next", <b>; rel=last').map(String), long), (text) => {
        const begun = performance.now()
        try {
          expect(Array.isArray(parseLinks(text))).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(PortError)
          expect(String(error).length).toBeLessThan(1_000)
        }
        expect(performance.now() - begun).toBeLessThan(1_000)
      }),
      runs,
    )
  })
})

describe('texts of users', () => {
  it('a time that is damaged is none, or an instant', () => {
    fc.assert(
      fc.property(damagedText('2026-01-31T23:59:59.123456+02:00').map(String), (text) => {
        const found = timeOfText(text, undefined)
        if (found !== undefined) expect(new Date(found).getTime()).toBe(found)
      }),
      runs,
    )
  })

  it('a duration that is damaged is refused, or a number of milliseconds', () => {
    fc.assert(
      fc.property(damagedText('1 hour 30 minutes').map(String), (text) => {
        try {
          const found = durationMs(text as never, 'x', 'y')
          expect(found).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toBeInstanceOf(OptionError)
          expect(String(error).length).toBeLessThan(2_000)
        }
      }),
      runs,
    )
  })

  it('a pattern that is damaged is refused, or matches in time', () => {
    const patterns = fc.oneof(
      damagedText('**/a*[0-9]{x,y}?.jsonl').map(String),
      fc.constantFrom('*a'.repeat(40), '{a,b}'.repeat(20), `${'**/'.repeat(30)}x`, `${'{a,'.repeat(200)}}`),
    )
    fc.assert(
      fc.property(patterns, (pattern) => {
        const begun = performance.now()
        try {
          const glob = compileGlob(pattern)
          for (const path of ['a', 'a/b/c9x1.jsonl', 'a'.repeat(60), 'a/'.repeat(30)]) glob.matches(path)
        } catch (error) {
          expect(isSluiceError(error), String(error)).toBe(true)
        }
        expect(performance.now() - begun).toBeLessThan(5_000)
      }),
      runs,
    )
  })
})
