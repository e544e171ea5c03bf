import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { deltaTable } from '../../src/connectors/delta/delta-table.ts'
import { DeltaLog } from '../../src/connectors/delta/log.ts'
import { deltaSettings } from '../../src/connectors/delta/options.ts'
import { deltaReader } from '../../src/connectors/delta/source.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { isSluiceError } from '../../src/errors.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { readPartition } from '../../src/testing/conformance/by-hand.ts'
import { availableNow } from '../../src/trigger.ts'
import { settle } from '../checkpoint/settle.ts'
import { damage, damaged, truncation } from './damage.ts'

interface Row {
  readonly id: number
  readonly part: number
}

const base = mkdtempSync(join(tmpdir(), 'sluice-fuzz-delta-'))
const original = join(base, 'original')
const rows: readonly Row[] = Array.from({ length: 13 }, (_, id) => ({ id, part: id % 2 }))
/** Version 0 makes the table, each further one adds a row; there is a checkpoint at 10. */
const last = rows.length

beforeAll(async () => {
  const source = memoryStream<Row>()
  source.add(...rows)
  await readStream(source)
    .as(schema('id int not null, part int not null'))
    .writeStream(deltaTable({ path: original, partitionBy: ['part'] }), {
      name: 'fuzz',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 1 },
    })
    .start().terminated
  expect(logNames(original)).toContain(`${digits(10)}.checkpoint.parquet`)
  expect(await outcomeOf(original)).toEqual(rows)
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

const digits = (version: number): string => String(version).padStart(20, '0')
const logOf = (table: string): string => join(table, '_delta_log')
const logNames = (table: string): string[] => readdirSync(logOf(table)).sort()

/** Its rows in order, or `refused`: an error of the project's own that names the table. Anything else fails. */
async function outcomeOf(table: string, version?: number): Promise<readonly Row[] | 'refused'> {
  const begun = performance.now()
  try {
    const reader = deltaReader(deltaSettings({ path: table, ...(version === undefined ? {} : { version }) }))
    const found: Row[] = []
    for (const [at, partition] of (await settle(reader.partitions())).entries())
      found.push(...((await readPartition(reader as never, partition as never, at)) as Row[]))
    // Who writes reads the same log by another way.
    const writers = new DeltaLog(table)
    await writers.update()
    await writers.update()
    return found.toSorted((a, b) => a.id - b.id)
  } catch (error) {
    if (!isSluiceError(error)) throw error
    expect(error.message.length).toBeLessThan(4_000)
    expect(error.message).toContain(table)
    return 'refused'
  } finally {
    expect(performance.now() - begun, 'a read that hangs').toBeLessThan(20_000)
  }
}

let copies = 0
/** A copy of the table whose log was changed, and what comes of it. */
async function changed(change: (log: string) => void, version?: number): Promise<readonly Row[] | 'refused'> {
  const table = join(base, `copy-${copies++}`)
  cpSync(original, table, { recursive: true })
  try {
    change(logOf(table))
    return await outcomeOf(table, version)
  } finally {
    rmSync(table, { recursive: true, force: true })
  }
}

const rewrite = (file: string, how: (bytes: Buffer) => Buffer): void => writeFileSync(file, how(readFileSync(file)))
const seconds = { numRuns: 150, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: false }

describe('a Delta log of which a file is damaged', () => {
  it('by an end that is missing is refused, or has the same rows; an entry that ends at a line has what is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), truncation, async (file, what) => {
        let atLine = false
        let name = ''
        const found = await changed((log) => {
          const names = readdirSync(log).sort()
          name = names[file % names.length] as string
          rewrite(join(log, name), (bytes) => {
            const cut = damaged(bytes, what)
            atLine = name.endsWith('.json') && /^$|[\n}]$/.test(cut.toString())
            return cut
          })
        })
        if (found !== 'refused' && !atLine) expect(found, name).toEqual(rows)
      }),
      seconds,
    )
  })

  it('in any other way is refused, or has rows that were written', async () => {
    const written = new Set(rows.map(({ id }) => id))
    await fc.assert(
      fc.asyncProperty(fc.nat(40), damage, async (file, what) => {
        const found = await changed((log) => {
          const names = readdirSync(log).sort()
          rewrite(join(log, names[file % names.length] as string), (bytes) => damaged(bytes, what))
        })
        if (found === 'refused') return
        // A bit of a path or of a name may be another file's or another column's: no checksum tells. But a file is never read twice.
        const ids = found.map(({ id }) => id).filter((id) => id !== null && id !== undefined)
        expect(ids.filter((id) => !written.has(id))).toEqual([])
        expect(new Set(ids).size).toBe(ids.length)
      }),
      seconds,
    )
  })

  it('a checkpoint whose bits are flipped is refused, or has rows that were written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(7), async (at, bit) => {
        const found = await changed((log) =>
          rewrite(join(log, `${digits(10)}.checkpoint.parquet`), (bytes) =>
            damaged(bytes, { kind: 'flipped', at, bit }),
          ),
        )
        if (found === 'refused') return
        const ids = found.map(({ id }) => id)
        expect(new Set(ids).size).toBe(ids.length)
      }),
      seconds,
    )
  })
})

describe('a Delta log in which versions are missing', () => {
  it.each(Array.from({ length: last + 1 }, (_, version) => version))('without entry %i', async (version) => {
    const found = await changed((log) => rmSync(join(log, `${digits(version)}.json`)))
    // Up to 10 the checkpoint has them; without the last one the table is what it was before.
    const expected = version <= 10 ? rows : version === last ? rows.slice(0, -1) : 'refused'
    expect(found).toEqual(expected)
  })

  it('and no checkpoint: every gap is told, and the version before the gap isn’t taken for the last', async () => {
    for (let version = 0; version < last; version++) {
      const found = await changed((log) => {
        for (const name of readdirSync(log)) if (/checkpoint/.test(name)) rmSync(join(log, name))
        rmSync(join(log, `${digits(version)}.json`))
      })
      expect(found, `without ${version}`).toBe('refused')
    }
  })

  it('a version that was, is read; one that will be, is refused', async () => {
    for (const version of [0, 5, 10, 11]) expect(await changed(() => {}, version)).toEqual(rows.slice(0, version))
    expect(await changed(() => {}, last + 1)).toBe('refused')
    expect(await changed(() => {}, Number.MAX_SAFE_INTEGER)).toBe('refused')
  })
})

const metaData = (more: object = {}) => ({
  metaData: {
    id: 'x',
    format: { provider: 'parquet', options: {} },
    schemaString:
      '{"type":"struct","fields":[{"name":"id","type":"integer","nullable":true,"metadata":{}},{"name":"part","type":"integer","nullable":true,"metadata":{}}]}',
    partitionColumns: ['part'],
    configuration: {},
    ...more,
  },
})
const add = (more: object = {}) => ({
  add: {
    path: 'part=0/none.parquet',
    partitionValues: { part: '0' },
    size: 1,
    modificationTime: 1,
    dataChange: true,
    ...more,
  },
})
const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`

describe('an adversarial entry at the end of a Delta log', () => {
  /** What is no part of the table: it must be as if it weren't there. */
  const harmless: Readonly<Record<string, string>> = {
    'an unknown action': '{"checkpointMetadata":{"version":7}}',
    'nothing but null': '{"add":null,"remove":null}',
    'a prototype': '{"__proto__":{"add":{"path":"x"}},"constructor":{"prototype":{}}}',
    'what is removed was never there': JSON.stringify({ remove: { path: 'never', dataChange: true } }),
    'a deep commitInfo': `{"commitInfo":{"a":${deep(2_000)}}}`,
    'a huge time': '{"commitInfo":{"timestamp":1e308}}',
  }
  it.each(Object.entries(harmless))('is passed over: %s', async (_name, text) => {
    expect(await changed((log) => writeFileSync(join(log, `${digits(last + 1)}.json`), `${text}\n`))).toEqual(rows)
  })

  const refused: Readonly<Record<string, string>> = {
    'an empty file': '',
    'blank lines': '\n\n \n',
    'no JSON': 'add',
    'half a line': '{"add":{"path":"a',
    'a list': '[]',
    'a number': '1e999',
    null: 'null',
    'a byte-order mark alone': '\ufeff',
    'brackets without end': '['.repeat(200_000),
    'objects without end': '{"a":'.repeat(100_000),
    'an action that is a text': '{"add":"x"}',
    'an add without a path': '{"add":{}}',
    'a size below 0': JSON.stringify(add({ size: -1 })),
    'a size beyond numbers': '{"add":{"path":"a","partitionValues":{},"size":1e400}}',
    'a size that loses digits': '{"add":{"path":"a","partitionValues":{},"size":9007199254740993}}',
    'a file that is not there': JSON.stringify(add()),
    'a path that leads out': JSON.stringify(add({ path: '../../../etc/passwd' })),
    'a path that leads out, hidden': JSON.stringify(add({ path: '%2e%2e/%2e%2e/etc/passwd' })),
    'an absolute path': JSON.stringify(add({ path: '/etc/passwd' })),
    'a URI of another place': JSON.stringify(add({ path: 'https://elsewhere/x.parquet' })),
    'a path with a zero': JSON.stringify(add({ path: 'a%00b' })),
    'a path that is no URI': JSON.stringify(add({ path: '%E0%A4%A' })),
    'the log itself': JSON.stringify(add({ path: '_delta_log/00000000000000000000.json' })),
    'the folder itself': JSON.stringify(add({ path: '.' })),
    'no path at all': JSON.stringify(add({ path: '' })),
    'a deletion vector': JSON.stringify(add({ deletionVector: { storageType: 'u' } })),
    'a partition value that is no number': JSON.stringify(add({ partitionValues: { part: 'none' } })),
    'partition values that are a list': JSON.stringify(add({ partitionValues: [] })),
    'a txn beyond numbers': '{"txn":{"appId":"a","version":9223372036854775807}}',
    'a txn that is a fraction': '{"txn":{"appId":"a","version":0.5}}',
    'a protocol of the future': '{"protocol":{"minReaderVersion":99,"minWriterVersion":99}}',
    'a feature of the future':
      '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timeTravel"],"writerFeatures":["timeTravel"]}}',
    'a protocol below 0': '{"protocol":{"minReaderVersion":-1,"minWriterVersion":2}}',
    'a schema that is no JSON': JSON.stringify(metaData({ schemaString: '{' })),
    'a schema that is a list': JSON.stringify(metaData({ schemaString: '[]' })),
    'a schema without end': JSON.stringify(metaData({ schemaString: '{"type":'.repeat(10_000) })),
    'a type of the future': JSON.stringify(
      metaData({ schemaString: '{"type":"struct","fields":[{"name":"id","type":"quaternion","nullable":true}]}' }),
    ),
    'partition columns that are numbers': JSON.stringify(metaData({ partitionColumns: [1] })),
    'a format that is none': JSON.stringify(metaData({ format: 'parquet' })),
  }
  it.each(Object.entries(refused))('is refused: %s', async (_name, text) => {
    expect(await changed((log) => writeFileSync(join(log, `${digits(last + 1)}.json`), text))).toBe('refused')
  })

  const values: readonly (readonly [string, string])[] = [
    ['int', '9'.repeat(60)],
    ['int', '2147483648'],
    ['int', '-2147483649'],
    ['int', '1e3'],
    ['smallint', '32768'],
    ['tinyint', '128'],
    ['bigint', '9223372036854775808'],
    ['bigint', '9'.repeat(500)],
    ['date', '2026-02-30'],
    ['date', '9'.repeat(30)],
    ['timestamp', '2026-13-01 00:00:00'],
    ['boolean', '1'],
    ['double', '0x10'],
    ['decimal(4,2)', '123.45'],
  ]
  it.each(values)('a partition value that no %s can be: %s', async (type, value) => {
    const part = { name: 'part', type: sparkNames[type] ?? type, nullable: true, metadata: {} }
    const schemaString = JSON.stringify({
      type: 'struct',
      fields: [{ name: 'id', type: 'integer', nullable: true, metadata: {} }, part],
    })
    const found = await changed((folder) => {
      const entry = readFileSync(join(folder, `${digits(last)}.json`), 'utf8')
      const path = /"path":"([^"]+)"/.exec(entry)?.[1]
      const lines = [metaData({ schemaString }), add({ path, partitionValues: { part: value } })]
      writeFileSync(join(folder, `${digits(last + 1)}.json`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    })
    expect(found).toBe('refused')
  })
})

const sparkNames: Readonly<Record<string, string>> = {
  int: 'integer',
  bigint: 'long',
  smallint: 'short',
  tinyint: 'byte',
}

describe('names in a Delta log’s folder', () => {
  const put = (name: string, text = '') => changed((log) => writeFileSync(join(log, name), text))

  it.each([
    ['an unfinished checkpoint of three parts', `${digits(11)}.checkpoint.0000000001.0000000003.parquet`],
    ['a temporary file', '.00000000000000000014.json.tmp'],
    ['a checksum', `${digits(last)}.crc`],
    ['a name with too many digits', `${'9'.repeat(21)}.json`],
    ['a last checkpoint that is none', '_last_checkpoint'],
  ])('%s make no difference', async (_name, file) => {
    expect(await put(file, 'nonsense')).toEqual(rows)
  })

  it.each([
    ['a version beyond numbers', `${'9'.repeat(20)}.json`],
    ['a checkpoint beyond numbers', `${'9'.repeat(20)}.checkpoint.parquet`],
    ['an empty checkpoint of the last version', `${digits(last)}.checkpoint.parquet`],
  ])('%s are refused', async (_name, file) => {
    expect(await put(file)).toBe('refused')
  })

  it('a folder in the place of an entry, or of a checkpoint, is refused', async () => {
    for (const name of [`${digits(last + 1)}.json`, `${digits(last)}.checkpoint.parquet`])
      expect(await changed((log) => mkdirSync(join(log, name))), name).toBe('refused')
  })
})
