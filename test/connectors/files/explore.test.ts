import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { files } from '../../../src/connectors/files/source.ts'
import { readJsonLines } from '../../../src/connectors/json-lines/read.ts'
import { folderWriter } from '../../../src/connectors/manifest/folder-writer.ts'
import { jsonLinesPart } from '../../../src/connectors/manifest/json-lines-part.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { schema } from '../../../src/schema.ts'
import type { StreamReader } from '../../../src/source.ts'
import { tee } from '../../../src/tee.ts'
import { exploreConnectors } from '../../../src/testing/explore-connectors.ts'
import { union } from '../../../src/union.ts'
import { closableFiles } from '../manifest/closable-files.ts'

const row = schema('id int not null')

/** A source that gives `maxFiles` files a batch, although the exploration limits rows. */
function limited<Offset extends object, Partition, Row extends object>(
  source: {
    readonly name: string
    readonly schema: typeof row
    readonly streamReader: () => StreamReader<Offset, Partition, Row>
  },
  maxFiles: number,
  open: Set<() => unknown>,
) {
  const streamReader = (): StreamReader<Offset, Partition, Row> => {
    const reader = source.streamReader()
    // The operating system would close what a dead process leaves open.
    const read: typeof reader.read = (partition, context) => {
      const rows = reader.read(partition, context)
      if (typeof rows === 'object' && 'return' in rows && typeof rows.return === 'function')
        open.add(() => (rows as AsyncGenerator).return(undefined))
      return rows
    }
    const latestOffset: typeof reader.latestOffset = (start, limit) =>
      reader.latestOffset(start, { ...limit, maxFiles })
    return { ...reader, read, latestOffset }
  }
  return { name: source.name, schema: source.schema, streamReader }
}

function folder(from: number, to: number, options: { readonly cleanUp?: 'delete' } = {}) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-explore-files-'))
  mkdirSync(join(place, 'in'))
  for (let id = from; id < to; id++) {
    writeFileSync(join(place, 'in', `${id}`), `{"id":${id}}\n`)
    utimesSync(join(place, 'in', `${id}`), id + 1, id + 1)
  }
  const source = files({
    path: join(place, 'in'),
    format: 'jsonLines',
    schema: row,
    state: join(place, 'state'),
    settle: 0,
    ...options,
  })
  const open = new Set<() => unknown>()
  const written = new Set<() => Promise<void>>()
  const sinkTo = (path: string) => ({
    name: 'files',
    streamWriter: () =>
      folderWriter({ path, format: () => jsonLinesPart, maxFileBytes: 1_000 }, closableFiles(written)),
  })
  const close = async () => {
    for (const one of [...open, ...written]) await one()
    rmSync(place, { recursive: true, force: true })
  }
  return { source: limited(source, 2, open), place, sinkTo, close }
}

async function idsIn(path: string): Promise<number[]> {
  const ids: number[] = []
  for await (const { id } of readJsonLines<{ id: number }>(path)) ids.push(id)
  return ids
}

it.each([{}, { cleanUp: 'delete' }] as const)(
  'a folder into a folder is exactly-once at every crash %j',
  async (options) => {
    const report = await exploreConnectors(
      () => {
        const { source, place, sinkTo, close } = folder(0, 6, options)
        const out = join(place, 'out')
        return { source, sink: sinkTo(out), ids: () => idsIn(out), close }
      },
      { rows: 6 },
    )
    expect(report.failures).toEqual([])
    expect(report.schedules).toBeGreaterThan(30)
  },
)

it('two folders and a stream in one union, into two sinks: each sink has each row once at every crash', async () => {
  for (const shown of ['table', 'live'] as const) {
    const report = await exploreConnectors(
      () => {
        const [one, other] = [folder(0, 3), folder(3, 5)]
        const third = memoryStream<{ id: number }>()
        third.add({ id: 5 }, { id: 6 })
        const out = { table: join(one.place, 'table'), live: join(one.place, 'live') }
        return {
          source: union({ one: one.source, other: other.source, third }) as never,
          sink: tee({
            table: one.sinkTo(out.table),
            live: one.sinkTo(out.live),
          }) as never,
          ids: async () => (await idsIn(out[shown])).sort((a, b) => a - b),
          close: async () => {
            await one.close()
            await other.close()
          },
        }
      },
      { rows: 7 },
    )
    expect(report.failures).toEqual([])
    expect(report.schedules).toBeGreaterThan(20)
  }
})

it('beside a sink that only appends, the other one still has each row once', async () => {
  const report = await exploreConnectors(
    () => {
      const { source, place, sinkTo, close } = folder(0, 4)
      const out = join(place, 'out')
      const live = memorySink<{ id: number }>()
      return {
        source,
        sink: tee({ table: sinkTo(out), live }) as never,
        ids: () => idsIn(out),
        close,
      }
    },
    { rows: 4 },
  )
  expect(report.failures).toEqual([])
})
