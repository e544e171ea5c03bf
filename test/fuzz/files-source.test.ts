import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { filesSink } from '../../src/connectors/files/sink.ts'
import { files } from '../../src/connectors/files/source.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { isSluiceError } from '../../src/errors.ts'
import { MalformedRow } from '../../src/malformed-row.ts'
import { rowChecker, schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { readContext } from '../../src/testing/conformance/by-hand.ts'
import { chunksOf, settled } from '../../src/testing/conformance/conformance-test.ts'
import { availableNow } from '../../src/trigger.ts'
import { type Damage, damage, damaged, truncation } from './damage.ts'

const base = mkdtempSync(join(tmpdir(), 'sluice-fuzz-files-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

const columns = schema('id bigint not null, name string not null, at timestamp')
const misfit = rowChecker(columns)
interface Row {
  readonly id: bigint
  readonly name: string
  readonly at: Date | null
}
const rows: readonly Row[] = Array.from({ length: 40 }, (_, n) => ({
  id: BigInt(n) * 10_000_000_000_000_000n,
  name: `"é", 💧 ${n}`,
  at: n % 5 === 0 ? null : new Date(1_700_000_000_000 + n),
}))

const jsonLine = ({ id, name, at }: Row): string =>
  `{"id":${id},"name":${JSON.stringify(name)},"at":${JSON.stringify(at)}}`
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
const csvLine = ({ id, name, at }: Row): string => `${id},${quoted(name)},${at === null ? '' : at.toISOString()}`
const texts = {
  jsonLines: Buffer.from(rows.map((row) => `${jsonLine(row)}\n`).join('')),
  csv: Buffer.from(`id,name,at\n${rows.map((row) => `${csvLine(row)}\n`).join('')}`),
}

interface Found {
  readonly whole: readonly Row[]
  /** Rows that don't fit, and what is no row at all. */
  readonly malformed: number
}
type Reading = Parameters<typeof files<Row>>[0]

/** What a source finds in a folder; `refused`: by an error of the project's own that names a file of it. Anything else fails. */
async function foundIn(path: string, options: Partial<Reading>): Promise<Found | 'refused'> {
  const begun = performance.now()
  try {
    const reader = files({ path, schema: columns, ...options } as Parameters<typeof files<Row>>[0]).reader()
    const whole: Row[] = []
    let malformed = 0
    for (const partition of await settled(() => reader.partitions())) {
      for await (const chunk of chunksOf(reader.read(partition, readContext(0)))) {
        for (const row of chunk as readonly object[]) {
          // What doesn't fit is given on as it is: the engine holds each row against the schema.
          if (row instanceof MalformedRow || misfit(row) !== undefined) malformed++
          else whole.push({ ...(row as Row) })
        }
      }
    }
    return { whole, malformed }
  } catch (error) {
    if (!isSluiceError(error)) throw error
    expect(error.message.length).toBeLessThan(1_000)
    const names = [...readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => basename(name)), path]
    expect(
      names.some((name) => error.message.includes(name)),
      error.message,
    ).toBe(true)
    return 'refused'
  } finally {
    expect(performance.now() - begun, 'a read that hangs').toBeLessThan(10_000)
  }
}

let copies = 0
async function foundOf(bytes: Buffer, name: string, options: Partial<Reading>): Promise<Found | 'refused'> {
  const path = join(base, `one-${copies++}`)
  mkdirSync(path)
  try {
    writeFileSync(join(path, name), bytes)
    return await foundIn(path, options)
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

const plain = [
  ['JSON lines', 'a.jsonl', { format: 'jsonLines', splitBytes: 200 }, texts.jsonLines],
  ['CSV', 'a.csv', { format: 'csv' }, texts.csv],
] as const
const compressed = [
  ['JSON lines, gzip', 'a.jsonl.gz', { format: 'jsonLines' }, gzipSync(texts.jsonLines)],
  ['JSON lines, zstd', 'a.jsonl.zst', { format: 'jsonLines' }, zstdCompressSync(texts.jsonLines)],
  ['JSON lines, brotli', 'a.jsonl.br', { format: 'jsonLines' }, brotliCompressSync(texts.jsonLines)],
  ['CSV, gzip', 'a.csv.gz', { format: 'csv' }, gzipSync(texts.csv)],
  [
    'JSON lines, zstd of two frames',
    'a.jsonl.zst',
    { format: 'jsonLines' },
    Buffer.concat([
      zstdCompressSync(texts.jsonLines.subarray(0, 500)),
      zstdCompressSync(texts.jsonLines.subarray(500)),
    ]),
  ],
  [
    'JSON lines, gzip of two members',
    'a.jsonl.gz',
    { format: 'jsonLines' },
    Buffer.concat([gzipSync(texts.jsonLines.subarray(0, 500)), gzipSync(texts.jsonLines.subarray(500))]),
  ],
] as const
const runs = { numRuns: 120 }

describe.each(plain)('a file of %s', (_format, name, options, bytes) => {
  it('has its rows', async () => {
    expect(await foundOf(bytes, name, options)).toEqual({ whole: rows, malformed: 0 })
  })

  it('without its end has the first rows, and after them at most one that is cut', async () => {
    await fc.assert(
      fc.asyncProperty(truncation, async (what) => {
        const found = await foundOf(damaged(bytes, what), name, options)
        if (found === 'refused') {
          expect(name, 'a line is a line, whatever comes after it').toBe('a.csv')
          return
        }
        const { whole, malformed } = found
        const first = whole.findIndex((row, at) => !sameRow(row, rows[at]))
        expect(whole.length - (first < 0 ? whole.length : first) + malformed).toBeLessThanOrEqual(1)
      }),
      runs,
    )
  })

  it('in which one bit is another: only the rows of its line may change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        // In CSV a quote takes all that follows into a field; that is known and refused, or shows as other rows.
        fc.pre(name !== 'a.csv' || (bytes[at] !== 0x22 && (bytes[at] as number) !== (0x22 ^ (1 << bit))))
        fc.pre(bytes[at] !== 0x0a && bytes[at] !== (0x0a ^ (1 << bit)))
        // A carriage return by itself ends a line of CSV, too.
        fc.pre(name !== 'a.csv' || bytes[at] !== (0x0d ^ (1 << bit)))
        fc.pre(name !== 'a.csv' || at > 'id,name,at'.length)
        const found = await foundOf(
          damaged(bytes, { kind: 'flipped', at: (at + 0.5) / bytes.length, bit }),
          name,
          options,
        )
        if (found === 'refused') {
          expect(name).toBe('a.csv')
          return
        }
        const lost = rows.filter((row) => !found.whole.some((other) => sameRow(row, other)))
        expect(lost.length).toBeLessThanOrEqual(1)
        expect(found.whole.length + found.malformed).toBeLessThanOrEqual(rows.length)
      }),
      runs,
    )
  })

  it('damaged in any way: rows, or refused', async () => {
    await fc.assert(
      fc.asyncProperty(damage, fc.option(damage), async (first, second) => {
        const once = damaged(bytes, first)
        await foundOf(second === null ? once : damaged(once, second), name, options)
      }),
      runs,
    )
  })
})

describe.each(compressed)('a file of %s', (_format, name, options, bytes) => {
  it('has its rows', async () => {
    expect(await foundOf(bytes, name, options)).toEqual({ whole: rows, malformed: 0 })
  })

  it('without its end is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length - 1 }), async (length) => {
        // What was cut between two members has whole files; nobody can tell.
        fc.pre(!bytes.subarray(length).subarray(0, 3).equals(bytes.subarray(0, 3)))
        expect(await foundOf(bytes.subarray(0, length), name, options)).toBe('refused')
      }),
      { numRuns: 60 },
    )
  })

  it('damaged in any way: rows, or refused', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        const found = await foundOf(damaged(bytes, what), name, options)
        // gzip has a checksum: what isn't refused is as it was, but for what stands in its head or behind its end.
        if (name.endsWith('.gz') && found !== 'refused' && what.kind === 'flipped')
          expect(found).toEqual({ whole: rows, malformed: 0 })
      }),
      runs,
    )
  })
})

/** Writes all rows, some a batch, into a folder with a manifest. */
async function written(path: string, format: 'jsonLines' | 'parquet'): Promise<void> {
  const source = memoryStream<Row>({ partitions: 2 })
  source.add(...rows)
  await readStream(source)
    .as(columns)
    .writeStream(filesSink({ path, format }), {
      name: 'fuzz',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 12 },
    })
    .start().terminated
}

const filesBelow = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(path, name)).isFile())
    .sort()

describe.each(['jsonLines', 'parquet'] as const)('a folder with a manifest, %s', (format) => {
  const original = join(base, `manifest-${format}`)
  beforeAll(() => written(original, format))

  /** @param at which of the files: their order is the same in each run but for unique parts of names. */
  const outcomeOf = async (
    at: number,
    what: Damage,
  ): Promise<{ readonly name: string; readonly found: Found | 'refused' }> => {
    const path = join(base, `copy-${copies++}`)
    cpSync(original, path, { recursive: true })
    try {
      const names = filesBelow(path)
      const name = names[at % names.length] as string
      writeFileSync(join(path, name), damaged(readFileSync(join(path, name)), what))
      return { name, found: await foundIn(path, { format, manifest: true }) }
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  }
  const ids = ({ whole }: Found): bigint[] => whole.map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1))

  it('has its rows', async () => {
    const found = await foundIn(original, { format, manifest: true })
    expect(found === 'refused' ? found : ids(found)).toEqual(rows.map(({ id }) => id))
  })

  it('of which a file has lost its end is refused, or has all of its rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), truncation, async (at, what) => {
        const { name, found } = await outcomeOf(at, what)
        if (found !== 'refused') expect(ids(found), name).toEqual(rows.map(({ id }) => id))
      }),
      { numRuns: 60 },
    )
  })

  it('of which a file is damaged is refused, or has as many rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), damage, async (at, what) => {
        const { name, found } = await outcomeOf(at, what)
        if (found === 'refused') return
        // A flipped bit of a data file makes other text, which no checksum tells; of a manifest it must not make another batch.
        const isData = basename(name).startsWith('part-')
        if (isData) expect(found.whole.length + found.malformed, name).toBeLessThanOrEqual(rows.length)
        else expect(ids(found), name).toEqual(rows.map(({ id }) => id))
      }),
      { numRuns: 80 },
    )
  })

  it('without one of its files is refused', async () => {
    for (const name of filesBelow(original).filter((each) => /part-|_manifest.*\.json$/.test(each))) {
      const path = join(base, `copy-${copies++}`)
      cpSync(original, path, { recursive: true })
      rmSync(join(path, name))
      const found = await foundIn(path, { format, manifest: true })
      // An entry that is gone takes its batch along: the folder of a sink may be cleared up, and nothing says how many there were.
      if (name.includes('_manifest')) expect([28, 36], name).toContain(found === 'refused' ? found : ids(found).length)
      else expect(found, name).toBe('refused')
      rmSync(path, { recursive: true, force: true })
    }
  })
})

function sameRow(a: Row | undefined, b: Row | undefined): boolean {
  return a?.id === b?.id && a?.name === b?.name && a?.at?.getTime() === b?.at?.getTime()
}
