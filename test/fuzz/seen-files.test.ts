import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FoundFile } from '../../src/connectors/files/listing.ts'
import { SeenFiles } from '../../src/connectors/files/seen-files.ts'
import { decodeSeen, encodeSeen, type SeenText } from '../../src/connectors/files/seen-text.ts'
import { nodeFiles } from '../../src/connectors/manifest/files.ts'
import { CheckpointCorruptError, isSluiceError } from '../../src/errors.ts'
import { damage, damaged, truncation } from './damage.ts'

const base = mkdtempSync(join(tmpdir(), 'sluice-fuzz-seen-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

const file = (n: number): FoundFile => ({ path: `in/é ${n}.jsonl`, size: n, modified: 1_000 + n })
const upTo = (count: number): FoundFile[] => Array.from({ length: count }, (_, n) => file(n))
const total = 60

function seenIn(folder: string): SeenFiles {
  return new SeenFiles(nodeFiles, {
    folder,
    overwritten: 'fail',
    forgetAfterMs: 1_000_000,
    settleMs: 0,
    now: () => 1e9,
  })
}

const pathsOf = (seen: SeenFiles): string[] => seen.between(0, seen.count).map(({ path }) => path)

describe('a log of seen files of which a file is damaged', () => {
  const original = join(base, 'original')
  const expected = upTo(total).map(({ path }) => path)
  beforeAll(async () => {
    mkdirSync(original)
    const seen = seenIn(original)
    // A snapshot, and entries behind it.
    for (let count = 2; count <= 40; count += 2) await seen.add(upTo(count))
    await seen.compact(40)
    for (let count = 45; count <= total; count += 5) await seen.add(upTo(count))
    const names = readdirSync(original).sort()
    expect(names.filter((name) => name.endsWith('.snapshot'))).toHaveLength(1)
    expect(names.filter((name) => name.endsWith('.log')).length).toBeGreaterThan(2)
  })

  let copies = 0
  const pathsAfter = async (change: (folder: string) => void): Promise<string[] | 'refused'> => {
    const folder = join(base, `copy-${copies++}`)
    cpSync(original, folder, { recursive: true })
    try {
      change(folder)
      const before = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')])
      const seen = seenIn(folder)
      try {
        await seen.load()
        return pathsOf(seen)
      } catch (error) {
        if (!isSluiceError(error)) throw error
        expect(error).toBeInstanceOf(CheckpointCorruptError)
        expect(error.message).toContain(folder)
        expect(error.message.length).toBeLessThan(1_000)
        const after = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')])
        expect(after, 'what is refused stays as it was').toEqual(before)
        return 'refused'
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const rewrite = (folder: string, at: number, how: (bytes: Buffer) => Buffer): void => {
    const names = readdirSync(folder).sort()
    const path = join(folder, names[at % names.length] as string)
    writeFileSync(path, how(readFileSync(path)))
  }

  it.each([
    ['by an end that is missing', truncation],
    ['in any other way', damage],
  ] as const)('%s is refused, or makes no difference', async (_name, how) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(20), how, async (at, what) => {
        const found = await pathsAfter((folder) => rewrite(folder, at, (bytes) => damaged(bytes, what)))
        if (found !== 'refused') expect(found).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  it('which is gone: each one but the last is missed', async () => {
    for (const name of readdirSync(original)) {
      const found = await pathsAfter((folder) => rmSync(join(folder, name)))
      // Without the last entry the log is what it was before; an offset that counts on more is refused by the reader.
      expect(found, name).toEqual(name === lastOf(original) ? expected.slice(0, -5) : 'refused')
    }
  })

  it('under another name, or twice, is refused', async () => {
    const last = lastOf(original)
    for (const name of readdirSync(original)) {
      const other = `${Number.parseInt(last, 10) + 1}.${name.endsWith('.log') ? 'log' : 'snapshot'}`
      const found = await pathsAfter((folder) => cpSync(join(folder, name), join(folder, other)))
      // A snapshot of a higher number takes the place of all that comes before it, and says how many files that is.
      expect(found, `${name} as ${other}`).toEqual(name.endsWith('.snapshot') ? expected.slice(0, 40) : 'refused')
    }
  })

  it('what is no file of the log makes no difference', async () => {
    for (const name of ['x.log', '-1.log', '1.log.bak', '.7.tmp', `${'9'.repeat(3)}.txt`])
      expect(await pathsAfter((folder) => writeFileSync(join(folder, name), 'nonsense')), name).toEqual(expected)
  })
})

function lastOf(folder: string): string {
  const numbers = readdirSync(folder).flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
  return `${Math.max(...numbers.map(Number))}.log`
}

describe('the text of seen files', () => {
  const size = fc.maxSafeInteger().map(Math.abs)
  const seen: fc.Arbitrary<SeenText> = fc
    .tuple(
      size,
      fc.array(fc.record({ ordinal: size, path: fc.string({ unit: 'binary' }), size, modified: fc.maxSafeInteger() })),
      fc.array(size),
    )
    .map(([count, files, gone]) => ({
      count,
      files,
      gone: new Map(files.slice(0, gone.length).map(({ ordinal }, at) => [ordinal, gone[at] as number])),
    }))

  it('comes back as it was, whatever the names of the files are', () => {
    fc.assert(
      fc.property(seen, ({ count, files, gone }) => {
        const ordinals = new Set(files.map(({ ordinal }) => ordinal))
        fc.pre(ordinals.size === files.length)
        expect(decodeSeen(encodeSeen({ count, files, gone }), 'x')).toEqual({ count, files, gone })
      }),
    )
  })

  it('that was made by something else is refused, also where its sum is right', () => {
    const bodies = fc.oneof(
      fc.json(),
      fc.constantFrom('', '{', '{"count":1}', '{"count":-1,"files":[]}', '{"count":0,"files":[[0,"a",1,"x",null]]}'),
    )
    fc.assert(
      fc.property(bodies, (body) => {
        expect(() => decodeSeen(`v1\n${body}\n${crc32(body).toString(16)}\n`, 'x')).toThrow(CheckpointCorruptError)
      }),
    )
  })
})
