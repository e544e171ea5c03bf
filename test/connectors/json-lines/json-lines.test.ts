import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Batch } from '../../../src/batch.ts'
import type { JsonLinesOptions } from '../../../src/connectors/json-lines/options.ts'
import { readJsonLines } from '../../../src/connectors/json-lines/read.ts'
import { jsonLines } from '../../../src/connectors/json-lines/sink.ts'
import type { Entry } from '../../../src/connectors/manifest/entry.ts'
import { CheckpointCorruptError, OptionError, PortError, RowError } from '../../../src/errors.ts'
import type { StartContext } from '../../../src/sink.ts'
import { batchOf, contextOf, type Partitions, settle, stageBatch, startOf, writeBatch } from '../drive.ts'

interface Row {
  readonly id: number
  readonly text?: string
}

let temporary = ''
let path = ''
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'sluice-json-lines-'))
  path = join(temporary, 'data')
})
afterEach(() => rm(temporary, { recursive: true, force: true }))

async function started(over: Partial<StartContext> = {}) {
  const writer = jsonLines({ path }).streamWriter()
  await settle(() => writer.start?.(startOf(over)))
  return writer
}

const write = async (batch: Batch, partitions: Partitions<Row>) =>
  writeBatch(await started({ queryId: batch.queryId }), batch, partitions)
async function rows(): Promise<Row[]> {
  const found: Row[] = []
  for await (const row of readJsonLines<Row>(path)) found.push(row)
  return found
}
const shown = async () => (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort()
const entryOf = async (batchId: number): Promise<Entry> =>
  JSON.parse(await readFile(join(path, '_manifest', 'q', 'main', `${batchId}.json`), 'utf8'))

describe('a folder', () => {
  test('holds the rows in the order of batches and partitions, for its reader and for cat', async () => {
    const partition = (...ids: number[]) => ids.map((id) => [{ id }])
    for (let batchId = 0; batchId < 12; batchId++)
      await write(batchOf(batchId), [partition(batchId * 10, batchId * 10 + 1), [], partition(batchId * 10 + 2)])
    const ids = (await rows()).map((row) => row.id)
    expect(ids).toEqual(Array.from({ length: 12 }, (_, n) => [n * 10, n * 10 + 1, n * 10 + 2]).flat())

    const names = await shown()
    expect(names).toHaveLength(24)
    expect(names[0]).toMatch(/^part-0000000000-00000-[0-9a-f-]{36}\.jsonl$/)
    const cat = (await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')))).join('')
    expect(
      cat
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as Row).id),
    ).toEqual(ids)
  })

  test('keeps an entry a batch, with its range, files, rows and bytes', async () => {
    await write(batchOf(0), [[[{ id: 1, text: 'é' }]], []])
    await write(batchOf(1), [])
    const [name] = await shown()
    expect(await entryOf(0)).toEqual({
      version: 1,
      queryId: 'q',
      sinkId: 'main',
      batchId: 0,
      epoch: 1,
      outcome: 'committed',
      start: { offset: 0 },
      end: { offset: 10 },
      files: [{ name, rows: 1, bytes: Buffer.byteLength('{"id":1,"text":"é"}\n') }],
    })
    expect((await entryOf(1)).files).toEqual([])
  })

  test('is made where it is missing', async () => {
    path = join(temporary, 'a', 'b')
    await write(batchOf(0), [[[{ id: 1 }]]])
    expect(await rows()).toEqual([{ id: 1 }])
  })

  test('has room for several queries and sinks, whatever their names', async () => {
    for (const [index, queryId] of ['q', '../q', 'q/main'].entries()) {
      for (const sinkId of ['main', '..', '']) {
        const writer = await started({ queryId, sinkId })
        await writeBatch(writer, batchOf(0, { queryId }), [[[{ id: index }]]])
      }
    }
    expect((await rows()).map((row) => row.id).sort()).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2])
    expect((await readdir(path)).filter((name) => !name.endsWith('.jsonl')).sort()).toEqual(['_manifest', '_staging'])
  })

  test('large rows and separators inside of strings', async () => {
    const texts = ['\u2028\u2029\r\n', 'é'.repeat(100_000), '日'.repeat(50_000)]
    await write(batchOf(0), [[texts.map((text, id) => ({ id, text }))]])
    expect((await rows()).map((row) => row.text)).toEqual(texts)
  })
})

describe('a batch takes effect once', () => {
  test('a replay is recognised at begin, also by a further writer', async () => {
    expect(await write(batchOf(0), [[[{ id: 1 }]]])).toBe('written')
    expect(await write(batchOf(0), [[[{ id: 1 }]]])).toBe('committed')
    expect(await rows()).toEqual([{ id: 1 }])
  })

  test('a repeated commit, and one of another attempt, change nothing and leave nothing', async () => {
    const writer = await started()
    const first = await stageBatch(writer, batchOf(0), [[[{ id: 1 }]]])
    const second = await stageBatch(writer, batchOf(0), [[[{ id: 1 }]]])
    await settle(() => writer.commit(first, batchOf(0)))
    await settle(() => writer.commit(first, batchOf(0)))
    await settle(() => writer.commit(second, batchOf(0)))
    expect(await rows()).toEqual([{ id: 1 }])
    expect(await shown()).toHaveLength(1)
    expect(await readdir(join(path, '_staging', 'q', 'main'))).toEqual([])
  })

  test('nothing is to be seen before the commit', async () => {
    const writer = await started()
    await stageBatch(writer, batchOf(0), [[[{ id: 1 }]]])
    expect(await shown()).toEqual([])
    expect(await rows()).toEqual([])
  })

  test('abort and discard remove what was written', async () => {
    const writer = await started()
    const messages = await stageBatch(writer, batchOf(0), [[[{ id: 1 }]]])
    const part = await settle(() => writer.open(contextOf(batchOf(0), 1)))
    await settle(() => part.write([{ id: 2 }]))
    await settle(() => part.discard?.())
    await settle(() => part.discard?.())
    await settle(() => writer.abort?.([...messages, undefined], batchOf(0)))
    expect(await readdir(join(path, '_staging', 'q', 'main'))).toEqual([])
  })

  test('the same id with another range is refused: skipping it would lose rows', async () => {
    await write(batchOf(0), [[[{ id: 1 }]]])
    const moved = batchOf(0, { end: { offset: 15 } })
    await expect(write(moved, [])).rejects.toThrow(PortError)
    await expect(write(moved, [])).rejects.toThrow('the checkpoint is older than the folder')
  })
})

test('a commit whose files were taken away fails', async () => {
  const writer = await started()
  const messages = await stageBatch(writer, batchOf(0), [[[{ id: 1 }]]])
  for (const { name } of messages.flat()) await rm(join(path, '_staging', 'q', 'main', name))
  await expect(settle(() => writer.commit(messages, batchOf(0)))).rejects.toThrow(CheckpointCorruptError)
})

test('reports the bytes of each chunk', async () => {
  const writer = await started()
  const bytes: number[] = []
  const part = await settle(() =>
    writer.open(contextOf(batchOf(0), 0, { report: (figures) => bytes.push(figures.bytes) })),
  )
  await settle(() => part.write([{ text: 'é' }]))
  await settle(() => part.write([]))
  await settle(() => part.discard?.())
  expect(bytes).toEqual([14])
})

test('a row that JSON can not hold is an error that names the column, and the attempt leaves nothing', async () => {
  const writer = await started()
  const part = await settle(() => writer.open(contextOf(batchOf(0), 0)))
  await expect(settle(() => part.write([{ reading: Number.NaN }]))).rejects.toThrow(RowError)
  await settle(() => part.discard?.())
  expect(await readdir(join(path, '_staging', 'q', 'main'))).toEqual([])
})

test('a foreign file in the staging folder stays', async () => {
  await started()
  await writeFile(join(path, '_staging', 'q', 'main', 'notes.txt'), 'mine')
  await write(batchOf(0), [[[{ id: 1 }]]])
  expect(await readdir(join(path, '_staging', 'q', 'main'))).toEqual(['notes.txt'])
})

describe('readJsonLines', () => {
  test('finds the files of a commit that died before it named them', async () => {
    await write(batchOf(0), [[[{ id: 1 }]]])
    const [name = ''] = await shown()
    await rename(join(path, name), join(path, '_staging', 'q', 'main', name))
    expect(await rows()).toEqual([{ id: 1 }])
    await started()
    expect(await shown()).toEqual([name])
  })

  test('a folder that was never written to is an error, one without batches is empty', async () => {
    await expect(rows()).rejects.toThrow(OptionError)
    await started()
    expect(await rows()).toEqual([])
  })

  test('can be left early', async () => {
    await write(batchOf(0), [[[{ id: 1 }, { id: 2 }]]])
    for await (const row of readJsonLines<Row>(path)) {
      expect(row.id).toBe(1)
      break
    }
  })

  test.each([
    ['cut short', (file: string) => truncate(file, 5), '5 bytes'],
    ['gone', (file: string) => rm(file), 'found none'],
    ['other lines', (file: string) => writeFile(file, '{"id":1} x\n'), 'not JSON'],
    ['fewer lines', (file: string) => writeFile(file, '{"id":1   '), '0 lines and an unfinished one'],
  ])('a committed file that is %s is an error', async (_, damage, message) => {
    await write(batchOf(0), [[[{ id: 1 }]]])
    const [name = ''] = await shown()
    await damage(join(path, name))
    if (message !== '5 bytes' && message !== 'found none') {
      const entry = await entryOf(0)
      const { length } = await readFile(join(path, name))
      const files = entry.files.map((file) => ({ ...file, bytes: length }))
      await writeFile(join(path, '_manifest', 'q', 'main', '0.json'), JSON.stringify({ ...entry, files }))
    }
    await expect(rows()).rejects.toThrow(CheckpointCorruptError)
    await expect(rows()).rejects.toThrow(message)
  })
})

describe('an entry that this version did not write is refused, and left as it was', () => {
  test.each([
    ['cut short', (entry: Entry) => JSON.stringify(entry).slice(0, -10)],
    ['newer', (entry: Entry) => JSON.stringify({ ...entry, version: 2 })],
    ['of another batch', (entry: Entry) => JSON.stringify({ ...entry, batchId: 4 })],
    ['of another query', (entry: Entry) => JSON.stringify({ ...entry, queryId: 'r' })],
    [
      'pointing elsewhere',
      (entry: Entry) => JSON.stringify({ ...entry, files: [{ name: '../secret', rows: 1, bytes: 1 }] }),
    ],
  ])('%s', async (_, damage) => {
    await write(batchOf(0), [[[{ id: 1 }]]])
    const file = join(path, '_manifest', 'q', 'main', '0.json')
    const text = damage(await entryOf(0))
    await writeFile(file, text)
    await expect(write(batchOf(0), [])).rejects.toThrow(CheckpointCorruptError)
    await expect(write(batchOf(0), [])).rejects.toThrow(file)
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})

test('a folder in the place of an entry is an error of the system, not an empty batch', async () => {
  await mkdir(join(path, '_manifest', 'q', 'main', '0.json'), { recursive: true })
  await expect(write(batchOf(0), [])).rejects.toThrow('EISDIR')
})

test.each([
  [{}, 'missing'],
  [{ path: '' }, 'path'],
  [{ path: 'x', mode: 'append' }, 'unknown option'],
])('%o is refused at the call', (options, message) => {
  expect(() => jsonLines(options as JsonLinesOptions)).toThrow(OptionError)
  expect(() => jsonLines(options as JsonLinesOptions)).toThrow(message)
})

test('a writer that was not started says so', async () => {
  await expect(settle(() => jsonLines({ path }).streamWriter().begin?.(batchOf(0)))).rejects.toThrow(PortError)
})
