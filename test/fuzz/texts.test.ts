import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeJournal, encodeJournal } from '../../src/checkpoint/journal.ts'
import { parseOffset } from '../../src/checkpoint/offset-text.ts'
import { decodePlan, encodePlan } from '../../src/checkpoint/plan-text.ts'
import {
  checkCommit,
  commitText,
  formatOffsets,
  parseMetadata,
  parseOffsets,
} from '../../src/checkpoint/spark-files.ts'
import { csvParser } from '../../src/connectors/rest/records/csv.ts'
import { ndjsonParser } from '../../src/connectors/rest/records/ndjson.ts'
import { CheckpointCorruptError, isSluiceError } from '../../src/errors.ts'
import { ddlText } from '../../src/schema/ddl-text.ts'
import { schema } from '../../src/schema.ts'
import { parsed } from '../connectors/rest/records/parsing.ts'
import { damage, damaged } from './damage.ts'

/** What a reader makes of it; an error must be one of the project's own, and tell no more than a short piece of what it found. */
function outcomeOf<T>(read: () => T): { readonly value: T } | 'refused' {
  try {
    return { value: read() }
  } catch (error) {
    if (!isSluiceError(error)) throw error
    expect(error.message.length).toBeLessThan(2_000)
    return 'refused'
  }
}

const runs = { numRuns: 400 }

describe('damaged texts of a checkpoint are refused, or read as something that is one:', () => {
  const queryId = '0f3c8a5e-1111-4222-8333-444455556666'
  const plan = {
    journal: 0,
    batchId: 3,
    start: { a: 1 },
    end: { a: 2, b: 'x' },
    partitions: [{ from: 1 }, [null, 'é']],
  }
  const readers: Readonly<Record<string, { readonly text: string; readonly read: (text: string) => unknown }>> = {
    offset: {
      text: '{"partition":{"0":12,"1":9007199254740991},"topic":"a\\nb"}',
      read: (text) => parseOffset(text, 'x'),
    },
    offsets: {
      text: formatOffsets(1_700_000_000_000, ['a'], { at: 5 }),
      read: (text) => parseOffsets(text, 'x', ['a']),
    },
    'offsets of two': {
      text: formatOffsets(0, ['a', 'b'], { a: { at: 5 }, b: { at: 6 } }),
      read: (text) => parseOffsets(text, 'x', ['a', 'b']),
    },
    metadata: { text: `{"id":"${queryId}"}`, read: (text) => parseMetadata(text, 'x') },
    commit: { text: commitText, read: (text) => checkCommit(text, 'x') },
    plan: { text: encodePlan(plan), read: (text) => decodePlan(text, 'x', 3) },
  }

  it.each(Object.entries(readers))('%s', (_name, { text, read }) => {
    read(text)
    fc.assert(
      fc.property(damage, fc.option(damage), (first, second) => {
        const once = damaged(Buffer.from(text), first)
        const bytes = second === null ? once : damaged(once, second)
        const outcome = outcomeOf(() => read(bytes.toString()))
        if (outcome !== 'refused') expect(outcomeOf(() => JSON.stringify(outcome.value))).not.toBe('refused')
      }),
      runs,
    )
  })

  it('a journal', () => {
    const rows = [{ at: new Date(0), big: 12n, bytes: new Uint8Array([1, 2]) }, 'text', null, [1.5, { a: [] }]]
    const bytes = Buffer.from(encodeJournal(rows))
    fc.assert(
      fc.property(damage, (what) => {
        const outcome = outcomeOf(() => decodeJournal(damaged(bytes, what), 'x'))
        if (outcome !== 'refused') expect(Array.isArray(outcome.value)).toBe(true)
      }),
      runs,
    )
  })
})

describe('what was made by something else, and is whole by its sum, is refused with the name of its place:', () => {
  const bodies = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom(
      '',
      '{"batchId":3,"start":{"a":1.5},"end":{},"partitions":[],"journal":0}',
      `{"batchId":3,"start":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)},"end":{},"partitions":[],"journal":0}`,
    ),
  )

  it('a plan', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        fc.pre(!body.includes('\n'))
        const text = `v1\n${body}\ncrc32 ${crc32(body).toString(16).padStart(8, '0')}`
        expect(() => decodePlan(text, 'plans/3', 3)).toThrow(CheckpointCorruptError)
        expect(() => decodePlan(text, 'plans/3', 3)).toThrow('plans/3')
      }),
    )
  })

  it('a journal, of a later V8 for example', () => {
    const rows = Buffer.from(encodeJournal([1, 'two']).subarray(12))
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(Buffer.alloc(0), Buffer.concat([Buffer.from([0xff, 0xfe]), rows.subarray(2)])),
      damage.map((what) => damaged(rows, what)),
    )
    fc.assert(
      fc.property(bodies, (body) => {
        const head = Buffer.alloc(12)
        head.writeUInt32BE(0x736c6a31, 0)
        head.writeUInt32BE(body.length, 4)
        head.writeUInt32BE(crc32(body), 8)
        const outcome = outcomeOf(() => decodeJournal(Buffer.concat([head, body]), 'journals/3-0'))
        if (outcome !== 'refused') expect(Array.isArray(outcome.value)).toBe(true)
      }),
      runs,
    )
    const later = Buffer.concat([Buffer.from([0xff, 0xfe]), rows.subarray(2)])
    const head = Buffer.from(encodeJournal([1, 'two']).subarray(0, 12))
    head.writeUInt32BE(crc32(later), 8)
    expect(() => decodeJournal(Buffer.concat([head, later]), 'journals/3-0')).toThrow(CheckpointCorruptError)
    expect(() => decodeJournal(Buffer.concat([head, later]), 'journals/3-0')).toThrow(/^journals\/3-0: .* V8 /)
  })
})

describe('DDL', () => {
  const text =
    'id int not null, `a name` string, tags array<struct<k: string, v: map<string, decimal(10,2)>>>, at timestamp'

  it('that is damaged is refused, or is a schema that is written and read again', () => {
    fc.assert(
      fc.property(damage, fc.option(damage), (first, second) => {
        const once = damaged(Buffer.from(text), first)
        const bytes = second === null ? once : damaged(once, second)
        const outcome = outcomeOf(() => schema(bytes.toString()) as ReturnType<typeof schema>)
        if (outcome === 'refused') return
        const { fields } = outcome.value
        expect(schema(ddlText(fields)).fields).toEqual(fields)
      }),
      runs,
    )
  })

  it.each([
    ['arrays in arrays', `a ${'array<'.repeat(20_000)}int${'>'.repeat(20_000)}`],
    ['an open array', `a ${'array<'.repeat(20_000)}`],
    ['structs in structs', `a ${'struct<a: '.repeat(20_000)}int${'>'.repeat(20_000)}`],
    ['many columns', Array.from({ length: 5_000 }, (_, i) => `c${i} int`).join(', ')],
    ['one name twice, very often', 'a int, '.repeat(5_000)],
    ['an open quote', '`'.repeat(50_001)],
  ])('%s neither crash nor hang', (_name, ddl) => {
    const start = performance.now()
    outcomeOf(() => schema(ddl as string))
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

/** Items as far as they came, and whether that was all. */
async function itemsOf(parser: ReturnType<typeof ndjsonParser>, bytes: Buffer) {
  try {
    return { items: (await parsed(parser, bytes.toString())).items, whole: true }
  } catch (error) {
    expect(error, 'an error that says what is wrong').toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(RangeError)
    return { items: undefined, whole: false }
  }
}

describe('records of an answer', () => {
  const rows = Array.from({ length: 20 }, (_, id) => ({ id: String(id), text: `"${id}", é\n💧` }))
  const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`
  const csv = Buffer.from(['id,text', ...rows.map(({ id, text }) => `${id},${quoted(text)}`)].join('\n'))
  const ndjson = Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'))

  it('in CSV, damaged: an error, or rows of the columns', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        const { items, whole } = await itemsOf(csvParser({ columns: ['id', 'text'] }), damaged(csv, what))
        if (whole) for (const item of items ?? []) expect(Object.keys(item as object)).toEqual(['id', 'text'])
      }),
      runs,
    )
  })

  it('in JSON lines, cut: an error, or the first rows as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(ndjson.length), async (at) => {
        const { items, whole } = await itemsOf(ndjsonParser(), ndjson.subarray(0, at))
        if (whole) expect(items).toEqual(rows.slice(0, items?.length))
      }),
      runs,
    )
  })

  it('in JSON lines, damaged: an error, or JSON', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        const { items, whole } = await itemsOf(ndjsonParser(), damaged(ndjson, what))
        if (whole) expect(JSON.parse(JSON.stringify(items))).toBeInstanceOf(Array)
      }),
      runs,
    )
  })
})
