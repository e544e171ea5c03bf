import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { files } from '../../../src/connectors/files/source.ts'
import { FileError, FileRefusedError, type QueryError } from '../../../src/errors.ts'
import { readAllAvailable } from '../../../src/source.ts'
import { settle } from '../drive.ts'
import { queryOver, row, temporaryFolder } from './folders.ts'

const line = (id: number): string => `{"id":${id},"name":"n${id}"}\n`
const nobody = 65_534

/** Root may read everything, so it must be somebody else for a while. */
async function withoutRights<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work()
  process.seteuid?.(nobody)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

/** A folder whose two files are planned, and a read of what was planned. */
async function planned(options: { readonly missing?: 'skip' } = {}, content = line(1)) {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'a.jsonl'), content)
  const source = files({
    path: folder,
    format: 'jsonLines',
    schema: row,
    state: temporaryFolder(),
    settle: 0,
    ...options,
  })
  const reader = source.streamReader()
  const end = await settle(() => reader.latestOffset({ files: 0 }, readAllAvailable))
  const [partition = expect.fail()] = await settle(() => reader.partitions({ files: 0 }, end))
  const signal = new AbortController().signal
  const context = { queryId: 'q', batchId: 0, partitionId: 0, attempt: 0, signal, report: () => undefined }
  const chunks = () => reader.read(partition, context) as AsyncGenerator<readonly object[]>
  const all = async () => {
    const rows: object[] = []
    for await (const chunk of chunks()) rows.push(...chunk)
    return rows
  }
  return { folder, path: join(folder, 'a.jsonl'), chunks, all }
}

describe('what is no file', () => {
  it('is left out: a folder named like one, a link to nothing, a link to itself', async () => {
    const { folder, run } = queryOver({ glob: '*.jsonl' })
    mkdirSync(join(folder, 'folder.jsonl'))
    writeFileSync(join(folder, 'folder.jsonl', 'inside.jsonl'), line(9))
    symlinkSync(join(folder, 'later'), join(folder, 'broken.jsonl'))
    symlinkSync(join(folder, 'circle.jsonl'), join(folder, 'circle.jsonl'))
    writeFileSync(join(folder, 'a.jsonl'), line(1))
    expect((await run()).rows).toEqual([{ id: 1n, name: 'n1' }])
    writeFileSync(join(folder, 'later'), line(2))
    expect((await run()).rows, 'the link leads to something now').toEqual([{ id: 2n, name: 'n2' }])
  })
})

describe('between its listing and its reading a file', () => {
  it('whose permission was taken away fails as what may be mended, by its name, also where missing files are skipped', async () => {
    for (const options of [{}, { missing: 'skip' } as const]) {
      const { path, all } = await planned(options)
      chmodSync(path, 0)
      const error = await withoutRights(() => all().catch((cause: unknown) => cause))
      expect(error).toBeInstanceOf(FileError)
      expect(error).toMatchObject({ retryable: true })
      expect(String(error)).toMatch(/a\.jsonl: expected a file that can be read, found .*EACCES/)
      chmodSync(path, 0o644)
      expect(await withoutRights(all)).toEqual([{ id: 1n, name: 'n1' }])
    }
  })

  it('that became a link to nothing is gone, and skipped only if asked', async () => {
    const strict = await planned()
    const lax = await planned({ missing: 'skip' })
    for (const { path } of [strict, lax]) {
      rmSync(path)
      symlinkSync('nowhere', path)
    }
    await expect(strict.all()).rejects.toThrow(
      /a\.jsonl: expected the file that was planned to be read, and it is gone/,
    )
    expect(await lax.all()).toEqual([])
  })

  it('that became a folder is refused by its name', async () => {
    const { path, all } = await planned()
    rmSync(path)
    mkdirSync(path)
    await expect(all()).rejects.toThrow(FileRefusedError)
    await expect(all()).rejects.toThrow(/a\.jsonl: expected the file that was planned/)
  })
})

describe('while it is read', () => {
  const many = Array.from({ length: 60_000 }, (_, id) => line(id)).join('')

  it.each([{}, { missing: 'skip' } as const])('a file that is cut short is refused (%o)', async (options) => {
    const { path, chunks } = await planned(options, many)
    const reading = chunks()
    const first = await reading.next()
    expect((first.value as readonly object[]).length).toBeLessThan(60_000)
    truncateSync(path, 300_000)
    const rest = async () => {
      for await (const _ of reading);
    }
    await expect(rest()).rejects.toThrow(
      /a\.jsonl: expected the file that was planned, \d+ bytes .* found 300000 bytes/,
    )
  })
})

describe('a folder', () => {
  it('that cannot be listed any more fails, and nothing in it counts as gone', async () => {
    const { folder, run, state } = queryOver({ forgetAfter: 0 })
    for (const place of [folder, state]) chmodSync(place, 0o777)
    writeFileSync(join(folder, 'a.jsonl'), line(1))
    expect((await run()).rows).toHaveLength(1)
    chmodSync(folder, 0)
    const error = await withoutRights(() => run().catch((cause: unknown) => cause))
    expect((error as QueryError).cause).toBeInstanceOf(FileError)
    expect(String(error)).toMatch(/expected a folder that can be listed, found .*EACCES/)
    chmodSync(folder, 0o777)
    writeFileSync(join(folder, 'b.jsonl'), line(2))
    expect((await run()).rows, 'a.jsonl was seen before').toEqual([{ id: 2n, name: 'n2' }])
  })
})
