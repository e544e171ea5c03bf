import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { firstValueFrom, timeout } from 'rxjs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { files } from '../../../src/connectors/files/source.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { CheckpointCorruptError, FileError, FileRefusedError, OptionError, QueryError } from '../../../src/errors.ts'
import { schema } from '../../../src/schema.ts'
import { readAllAvailable } from '../../../src/source.ts'
import { read } from '../../../src/stream.ts'
import { settle } from '../drive.ts'
import { queryOver, row, temporaryFolder } from './folders.ts'

const lines = (...ids: number[]): string => ids.map((id) => `{"id":${id},"name":"n${id}"}\n`).join('')
const put = (folder: string, name: string, content: string | Uint8Array, time = 1_000): void => {
  writeFileSync(join(folder, name), content)
  utimesSync(join(folder, name), time, time)
}
const ids = (rows: readonly object[]): number[] => rows.map((one) => Number((one as { id: bigint }).id))
const causeOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => undefined,
    (error: unknown) => (error instanceof QueryError ? error.cause : error),
  )

describe('a folder as a stream', () => {
  it('reads each file once, by age and then path, also those that come late with an old time', async () => {
    const { folder, run } = queryOver()
    put(folder, 'b.jsonl', lines(2), 2_000)
    put(folder, 'c.jsonl', lines(1), 1_000)
    put(folder, 'a.jsonl', lines(3), 2_000)
    expect(ids((await run()).rows)).toEqual([1, 3, 2])
    put(folder, 'z.jsonl', lines(4), 500)
    expect(ids((await run()).rows)).toEqual([4])
    expect((await run()).rows).toEqual([])
  })

  it('makes batches of maxFiles, and of maxBytes with one file at least', async () => {
    const { folder, run } = queryOver()
    for (let id = 0; id < 5; id++) put(folder, `${id}.jsonl`, lines(id), 1_000 + id)
    expect((await run({}, { limit: { maxFiles: 2 } })).batches).toEqual([2, 2, 1])
    for (let id = 10; id < 13; id++) put(folder, `${id}.jsonl`, lines(id), 1_000 + id)
    expect((await run({}, { limit: { maxBytes: 1 } })).batches).toEqual([1, 1, 1])
    for (let id = 20; id < 24; id++) put(folder, `${id}.jsonl`, lines(id), 1_000 + id)
    expect((await run({}, { limit: { maxBytes: 2 * lines(20).length } })).batches).toEqual([2, 2])
  })

  it('warns once that maxRows has no effect, and never where nobody asked for it', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const { folder, run } = queryOver()
    for (let id = 0; id < 4; id++) put(folder, `${id}.jsonl`, lines(id, id + 10), 1_000 + id)
    expect((await run({}, { limit: { maxFiles: 1 } })).batches).toEqual([2, 2, 2, 2])
    expect(warned).not.toHaveBeenCalled()
    for (let id = 20; id < 24; id++) put(folder, `${id}.jsonl`, lines(id, id + 10), 1_000 + id)
    expect((await run({}, { limit: { maxRows: 1, maxFiles: 2 } })).batches).toEqual([4, 4])
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringContaining(`the limit maxRows (1) has no effect on ${folder}`),
    ])
  })

  it('leaves out hidden and unfinished files, follows links to files only, and goes as deep as the pattern', async () => {
    const { folder, run } = queryOver({ glob: '**/*.jsonl*' })
    const elsewhere = temporaryFolder()
    put(elsewhere, 'linked', lines(7))
    for (const name of ['.a.jsonl', '_b.jsonl', 'c.jsonl.tmp', 'd.jsonl~', 'e.jsonl.part']) put(folder, name, lines(0))
    for (const name of ['sub', 'sub/deep', '_staging', '.git']) {
      mkdirSync(join(folder, name))
      put(folder, `${name}/f.jsonl`, lines(name.length), 1_000 + name.length)
    }
    symlinkSync(join(elsewhere, 'linked'), join(folder, 'link.jsonl'))
    symlinkSync(join(elsewhere, 'nothing'), join(folder, 'broken.jsonl'))
    symlinkSync(join(folder, 'loop.jsonl'), join(folder, 'loop.jsonl'))
    symlinkSync(folder, join(folder, 'circle'))
    expect(ids((await run()).rows).sort()).toEqual([3, 7, 8])
  })

  it('waits for files to settle by their time, and where that lies ahead, by watching them', async () => {
    let now = 10_000_000
    const folder = temporaryFolder()
    const source = files({
      path: folder,
      format: 'jsonLines',
      schema: row,
      state: temporaryFolder(),
      settle: 2_000,
      now: () => now,
    })
    const reader = source.streamReader()
    const look = () => settle(() => reader.latestOffset({ files: 0 }, readAllAvailable))
    put(folder, 'old', lines(1), 9_998)
    put(folder, 'young', lines(2), 9_999)
    put(folder, 'future', lines(3), 99_999)
    expect(await look()).toEqual({ files: 1 })
    now += 1_000
    expect(await look()).toEqual({ files: 2 })
    now += 1_000
    expect(await look()).toEqual({ files: 3 })
  })

  it('skips what is there at first, if asked to', async () => {
    const { folder, run } = queryOver({ existing: 'skip' })
    put(folder, 'a', lines(1))
    expect((await run()).rows).toEqual([])
    put(folder, 'b', lines(2), 1)
    expect(ids((await run()).rows)).toEqual([2])
  })

  it('tells at once that a file came', async () => {
    const folder = temporaryFolder()
    const reader = files({
      path: folder,
      format: 'jsonLines',
      schema: row,
      state: temporaryFolder(),
      settle: 1,
    }).streamReader()
    const told = firstValueFrom((reader.available ?? expect.fail()).pipe(timeout(10_000)))
    put(folder, 'a', lines(1))
    await told
  })

  it('needs a state folder, and batches do not', async () => {
    const folder = temporaryFolder()
    put(folder, 'a', lines(1, 2))
    const source = files({ path: folder, format: 'jsonLines', schema: row })
    expect(() => source.streamReader()).toThrow(OptionError)
    const sink = memorySink<object>()
    await new Promise<void>((complete, error) => read(source).write(sink).subscribe({ complete, error }))
    expect(ids(sink.rows)).toEqual([1, 2])
  })
})

describe('slices', () => {
  it('of a large file have each line once, and its compressed twin the same rows', async () => {
    const text = `\uFEFF${lines(...Array.from({ length: 500 }, (_, id) => id)).replaceAll('"n', '"€')}`.replaceAll(
      '\n',
      '\r\n',
    )
    for (const [name, content] of [
      ['a.jsonl', text.trimEnd()],
      ['a.jsonl.gz', Buffer.concat([gzipSync(text.slice(0, 5_000)), gzipSync(text.slice(5_000))])],
      ['a.jsonl.zst', zstdCompressSync(text)],
      ['a.jsonl.br', brotliCompressSync(text)],
    ] as const) {
      const { folder, run } = queryOver({ splitBytes: 100 })
      put(folder, name, content)
      expect(
        ids((await run()).rows).sort((a, b) => a - b),
        name,
      ).toEqual(Array.from({ length: 500 }, (_, id) => id))
    }
  })

  it('of a file of several zstd frames have the rows of all of them', async () => {
    const all = Array.from({ length: 300 }, (_, id) => id)
    const frames = all.map((id) => zstdCompressSync(lines(id)))
    const { folder, run } = queryOver()
    put(folder, 'a.jsonl.zst', Buffer.concat(frames))
    expect(ids((await run()).rows)).toEqual(all)
  })

  it('of a gzip file may end in zeros, and have more members behind them', async () => {
    const { folder, run } = queryOver()
    put(folder, 'a.jsonl.gz', Buffer.concat([gzipSync(lines(1)), Buffer.alloc(512)]))
    put(folder, 'b.jsonl.gz', Buffer.concat([gzipSync(lines(2)), Buffer.alloc(512), gzipSync(lines(3))]))
    expect(ids((await run()).rows)).toEqual([1, 2, 3])
  })

  it.each([
    ['a.jsonl.zst', zstdCompressSync(lines(1)), zstdCompressSync(lines(2)).subarray(0, -5)],
    ['a.jsonl.zst', zstdCompressSync(lines(1)), Buffer.from('something else')],
    ['a.jsonl.br', brotliCompressSync(lines(1)), brotliCompressSync(lines(2))],
    ['a.jsonl.gz', gzipSync(lines(1)), Buffer.from('something else')],
  ])('of %s are refused when something else follows its end', async (name, whole, rest) => {
    const { folder, run } = queryOver()
    put(folder, name, Buffer.concat([whole, rest]))
    expect(await causeOf(run())).toBeInstanceOf(FileRefusedError)
  })

  it('hold many small files', async () => {
    const folder = temporaryFolder()
    for (let id = 0; id < 10; id++) put(folder, `${id}`, lines(id), 1_000 + id)
    put(folder, 'empty', '')
    const reader = files({
      path: folder,
      format: 'jsonLines',
      schema: row,
      state: temporaryFolder(),
      splitBytes: 5 * lines(0).length,
    }).streamReader()
    const end = await settle(() => reader.latestOffset({ files: 0 }, readAllAvailable))
    const partitions = await settle(() => reader.partitions({ files: 0 }, end))
    expect(end).toEqual({ files: 11 })
    expect(partitions.map((one) => one.files.length)).toEqual([5, 5])
  })
})

describe('files that change', () => {
  it('are refused when they were overwritten, read anew, or ignored, as asked', async () => {
    const { folder, run } = queryOver()
    put(folder, 'a', lines(1))
    await run()
    put(folder, 'a', lines(2), 3_000)
    expect(await causeOf(run())).toBeInstanceOf(FileRefusedError)
    expect((await run({ overwritten: 'ignore' })).rows).toEqual([])
    expect(ids((await run({ overwritten: 'read' })).rows)).toEqual([2])
    expect((await run()).rows).toEqual([])
  })

  it('after they were planned are refused, and skipped only if asked', async () => {
    for (const change of [
      (path: string) => appendFileSync(path, lines(2)),
      (path: string) => utimesSync(path, 9, 9),
      (path: string) => rmSync(path),
    ]) {
      const folder = temporaryFolder()
      put(folder, 'a', lines(1))
      put(folder, 'b', lines(3))
      const options = { path: folder, format: 'jsonLines', schema: row, state: temporaryFolder(), settle: 0 } as const
      const reader = files(options).streamReader()
      const end = await settle(() => reader.latestOffset({ files: 0 }, readAllAvailable))
      const [partition = expect.fail()] = await settle(() => reader.partitions({ files: 0 }, end))
      change(join(folder, 'a'))
      expect(await causeOf(rowsOf(reader, partition))).toBeInstanceOf(FileRefusedError)
      const skipping = files({ ...options, missing: 'skip' }).streamReader()
      expect(ids(await rowsOf(skipping, partition))).toEqual([3])
      expect([reader, skipping].map((one) => (one.kind === 'acked' ? undefined : one.repeatable))).toEqual([
        true,
        false,
      ])
    }
  })

  it('and are gone with the whole folder fail as what may come back', async () => {
    const { folder, run } = queryOver({ missing: 'skip' })
    put(folder, 'a', lines(1))
    await run()
    renameSync(folder, `${folder}-away`)
    expect(await causeOf(run())).toBeInstanceOf(FileError)
    renameSync(`${folder}-away`, folder)
    expect((await run()).rows).toEqual([])
  })
})

describe('CSV', () => {
  it.each([
    ['\r\n', '\n'],
    ['\n', '\r\n'],
    ['\r', '\r'],
    ['\r\n', '\r'],
  ])('has a row a line, whatever its lines end with: %j, then %j', async (first, then) => {
    const { folder, run } = queryOver({ format: 'csv' })
    put(folder, 'a.csv', `name,id${first}n1,1${then}"n\r\n2",2${then}n3,3${first}`)
    expect((await run()).rows).toEqual([
      { id: 1n, name: 'n1' },
      { id: 2n, name: 'n\r\n2' },
      { id: 3n, name: 'n3' },
    ])
  })

  it('of one column keeps its lines apart', async () => {
    const { folder, run } = queryOver({ format: 'csv', schema: schema('name string') })
    put(folder, 'a.csv', 'name\r\nx\ny\nz\r\n')
    expect((await run()).rows).toEqual([{ name: 'x' }, { name: 'y' }, { name: 'z' }])
  })
})

describe('clean-up', () => {
  it('takes away what was committed, and a new file of an old name is new', async () => {
    const moveTo = join(temporaryFolder(), 'done')
    for (const cleanUp of ['delete', { moveTo }] as const) {
      const { folder, run } = queryOver({ cleanUp })
      put(folder, 'a', lines(1))
      put(folder, 'b', lines(2))
      expect(ids((await run()).rows)).toEqual([1, 2])
      expect(readdirSync(folder)).toEqual([])
      put(folder, 'a', lines(3), 4_000)
      expect(ids((await run()).rows)).toEqual([3])
    }
    expect(readdirSync(moveTo).sort()).toEqual(['a', 'b'])
  })

  it('leaves a version that nobody read, also one that was taken aside when the process died', async () => {
    const { folder, run } = queryOver()
    put(folder, 'a', lines(1))
    put(folder, 'b', lines(2))
    await run()
    put(folder, 'a', lines(5), 5_000)
    put(folder, 'b', lines(6), 5_000)
    renameSync(join(folder, 'b'), join(folder, '.1.sluice-done'))
    expect(ids((await run({ cleanUp: 'delete' })).rows)).toEqual([5, 6])
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('the state', () => {
  it('that was lost is refused', async () => {
    const { folder, state, run } = queryOver()
    put(folder, 'a', lines(1))
    await run()
    rmSync(state, { recursive: true })
    expect(await causeOf(run())).toBeInstanceOf(CheckpointCorruptError)
  })

  it('that is damaged or has a gap is refused', async () => {
    const { folder, state, run } = queryOver()
    for (const name of ['a', 'b', 'c']) {
      put(folder, name, lines(1))
      await run()
    }
    const entry = join(state, '1.log')
    const text = readFileSync(entry, 'utf8')
    writeFileSync(entry, text.replace('"b"', '"x"'))
    expect(await causeOf(run())).toBeInstanceOf(CheckpointCorruptError)
    rmSync(entry)
    expect(await causeOf(run())).toBeInstanceOf(CheckpointCorruptError)
    writeFileSync(entry, text)
    expect((await run()).rows).toEqual([])
  })

  it('does not grow with the age of the stream', async () => {
    let now = 10_000_000
    const { folder, state, run } = queryOver({ now: () => now, forgetAfter: '1 hour', cleanUp: 'keep' })
    const sizes: number[] = []
    for (let day = 0; day < 120; day++) {
      put(folder, `${day}`, lines(day))
      if (day >= 3) rmSync(join(folder, `${day - 3}`))
      expect(ids((await run()).rows)).toEqual([day])
      now += 86_400_000
      sizes.push(readdirSync(state).reduce((sum, name) => sum + readFileSync(join(state, name)).length, 0))
    }
    expect(Math.max(...sizes.slice(60))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 60)) * 1.2)
    put(folder, '1', lines(500))
    expect(ids((await run()).rows)).toEqual([500])
  })
})

describe('records', () => {
  it('of CSV have quotes, newlines in them, and columns in any order', async () => {
    const { folder, run } = queryOver({ format: 'csv' })
    put(folder, 'a.csv', '\uFEFFname,more,id\r\n"a ""b""\nc",x,1\r\n,y,2\r\n')
    put(folder, 'b.csv', 'id,name\n3,d')
    expect((await run()).rows).toEqual([
      { id: 1n, name: 'a "b"\nc' },
      { id: 2n, name: '' },
      { id: 3n, name: 'd' },
    ])
  })

  it.each(['id, name\n1, x\n', 'id,Name\n1,x\n'])(
    'of CSV whose header nearly names a column are refused, and no nulls: %j',
    async (content) => {
      const { folder, run } = queryOver({ format: 'csv' })
      put(folder, 'a.csv', content)
      expect(await causeOf(run())).toMatchObject({
        name: 'FileRefusedError',
        message: expect.stringMatching(/a\.csv: .*column "name".*case or with blanks/),
      })
    },
  )

  it('of CSV without a column of the schema have nulls there, whatever the others are called', async () => {
    const { folder, run } = queryOver({ format: 'csv', schema: schema('id int, nick string, name string') })
    put(folder, 'a.csv', 'id,name,Nickname\n1,x,y\n')
    expect((await run()).rows).toEqual([{ id: 1, nick: null, name: 'x' }])
  })

  it('of CSV without a header have the columns of the schema', async () => {
    const { folder, run } = queryOver({ format: 'csv', csv: { header: false, delimiter: ';' } })
    put(folder, 'a.csv', '1;x\n2;y\n')
    expect((await run()).rows).toEqual([
      { id: 1n, name: 'x' },
      { id: 2n, name: 'y' },
    ])
  })

  it('have their file beside them, if asked', async () => {
    const { folder, run } = queryOver({ metadata: true })
    put(folder, 'a', `${lines(1)}\n${lines(2)}`, 1_234)
    const size = BigInt(lines(1, 2).length + 1)
    const modified = new Date(1_234_000)
    expect((await run()).rows).toEqual([
      { id: 1n, name: 'n1', _metadata: { path: 'a', size, modified, offset: 0n } },
      { id: 2n, name: 'n2', _metadata: { path: 'a', size, modified, offset: BigInt(lines(1).length + 1) } },
    ])
  })

  const rescuing = schema('id bigint, name string, _corrupt_record string')
  it('that do not fit keep their text in mode permissive', async () => {
    const { folder, run } = queryOver({ schema: rescuing, metadata: true })
    const bad = ['{"id":"x","name":"kept"}', '{"id":1', '[1]', '7']
    put(folder, 'a', Buffer.concat([Buffer.from(`${bad.join('\r\n')}\n${lines(2)}`), Buffer.from([0xff, 0x0a])]))
    const { rows } = await run({}, { mode: 'permissive' })
    expect(
      rows.map(({ _metadata, ...one }: object & { _metadata?: object }) => [one, _metadata !== undefined]),
    ).toEqual(
      [
        { id: null, name: 'kept', _corrupt_record: bad[0] },
        { id: null, name: null, _corrupt_record: bad[1] },
        { id: null, name: null, _corrupt_record: bad[2] },
        { id: null, name: null, _corrupt_record: bad[3] },
        { id: 2n, name: 'n2', _corrupt_record: null },
        { id: null, name: null, _corrupt_record: '\uFFFD' },
      ].map((one) => [one, true]),
    )
  })

  it('of CSV that do not fit, too', async () => {
    const { folder, run } = queryOver({ schema: rescuing, format: 'csv' })
    put(folder, 'a', 'id,name\n1,"a\nb"\nx,"c,d"\n5\n')
    expect((await run({}, { mode: 'permissive' })).rows).toEqual([
      { id: 1n, name: 'a\nb', _corrupt_record: null },
      { id: null, name: 'c,d', _corrupt_record: 'x,"c,d"' },
      { id: null, name: null, _corrupt_record: '5' },
    ])
  })

  it.each([
    ['cut-short.gz', gzipSync(lines(...Array.from({ length: 500 }, (_, id) => id))).subarray(0, 200)],
    ['no-gzip.gz', Buffer.from(lines(1))],
    ['long', Buffer.from(`{"id":1,"name":"${'x'.repeat(3_000)}"}`)],
  ])('%s fail the batch with the name of the file', async (name, content) => {
    const { folder, run } = queryOver({ maxLineBytes: 2_000 })
    put(folder, name, content)
    const cause = await causeOf(run())
    expect(cause).toBeInstanceOf(FileRefusedError)
    expect(String(cause)).toContain(name)
  })

  it.each([
    ['broken.csv', 'id,name\n1,"open\n'],
    ['other.csv', 'a,b\n1,2\n'],
    ['twice.csv', 'id,id\n1,2\n'],
    ['binary.csv', Buffer.from([0x69, 0x64, 0x0a, 0xff, 0xfe, 0x00])],
  ])('of %s fail the batch', async (name, content) => {
    const { folder, run } = queryOver({ format: 'csv' })
    put(folder, name, content)
    expect(await causeOf(run())).toBeInstanceOf(FileRefusedError)
  })

  it('that are binary garbage never become rows, and errors do not show them', async () => {
    const { folder, run } = queryOver()
    put(folder, 'a', Buffer.from([0x7b, 0xff, 0x00, 0x0a, 0x01]))
    expect(String(await causeOf(run()))).toMatch(/a, line at byte 0: bytes that are not UTF-8/)
  })
})

async function rowsOf(
  reader: ReturnType<ReturnType<typeof files<{ id: bigint }>>['streamReader']>,
  partition: Parameters<typeof reader.read>[0],
): Promise<object[]> {
  const rows: object[] = []
  const context = {
    queryId: 'q',
    batchId: 0,
    partitionId: 0,
    attempt: 0,
    signal: new AbortController().signal,
    report: () => undefined,
  }
  for await (const chunk of reader.read(partition, context) as AsyncIterable<readonly object[]>) rows.push(...chunk)
  return rows
}
