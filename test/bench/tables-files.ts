// Folders side by side with what one writes by hand, A B A B …, in one process: rows a second of the source (rows typed and checked, as a query reads them)
// against a loop, and how long it takes to find what is new among ten thousand files.
// node test/bench/tables-files.ts [rounds]
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parse } from 'csv-parse'
import { lastValueFrom } from 'rxjs'
import { noop, read, schema } from 'sluice'
import { type FileFormat, files } from 'sluice/files'
import { report } from './harness/figure.ts'

const rounds = Number(process.argv[2] ?? 5)
/** A round takes a fifth of a second, and the compiler as long as some of them. */
const warmUps = 5
const rowsOfFile = 50_000
const row = schema('id int not null, name string not null, price double not null, at string not null')
const place = mkdtempSync(join(tmpdir(), 'sluice-bench-files-'))

function rowAt(id: number) {
  return { id, name: `customer ${id % 1000}`, price: id / 7, at: new Date(1.7e12 + id * 1000).toISOString() }
}

function write(format: FileFormat): string {
  const folder = join(place, format)
  mkdirSync(folder)
  for (let file = 0; file < 4; file++) {
    const rows = Array.from({ length: rowsOfFile }, (_, index) => rowAt(file * rowsOfFile + index))
    const text =
      format === 'csv'
        ? `id,name,price,at\n${rows.map((one) => Object.values(one).join(',')).join('\n')}\n`
        : `${rows.map((one) => JSON.stringify(one)).join('\n')}\n`
    writeFileSync(join(folder, `${file}.txt`), text)
  }
  return folder
}

async function bySource(folder: string, format: FileFormat): Promise<number> {
  const query = read(files({ path: folder, format, schema: row })).write(noop())
  return (await lastValueFrom(query)).numInputRows
}

const paths = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))

async function linesByHand(folder: string): Promise<number> {
  let rows: object[] = []
  let count = 0
  for (const path of paths(folder)) {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      rows.push(JSON.parse(line))
      if (rows.length < 1_000) continue
      count += rows.length
      rows = []
    }
  }
  return count + rows.length
}

async function csvByHand(folder: string): Promise<number> {
  let rows: object[] = []
  let count = 0
  for (const path of paths(folder)) {
    const records = createReadStream(path).pipe(parse({ columns: true }))
    for await (const { id, name, price, at } of records as AsyncIterable<Record<string, string>>) {
      rows.push({ id: Number(id), name, price: Number(price), at })
      if (rows.length < 1_000) continue
      count += rows.length
      rows = []
    }
  }
  return count + rows.length
}

async function rowsPerSecond(run: () => Promise<number>): Promise<number> {
  const from = performance.now()
  const rows = await run()
  if (rows !== 4 * rowsOfFile) throw new Error(`read ${rows} rows`)
  return (rows / (performance.now() - from)) * 1000
}

function summary(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(digits)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

async function compare(format: FileFormat, byHand: (folder: string) => Promise<number>): Promise<void> {
  const folder = write(format)
  for (let round = 0; round < warmUps; round++) {
    await bySource(folder, format)
    await byHand(folder)
  }
  const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    const a = await rowsPerSecond(() => bySource(folder, format))
    const b = await rowsPerSecond(() => byHand(folder))
    ours.push(a / 1000)
    theirs.push(b / 1000)
    ratios.push(a / b)
  }
  const rows = 4 * rowsOfFile
  report(
    {
      name: `folder of ${format}`,
      against: 'a reader by hand',
      unit: 'of its speed',
      target: { atLeast: 0.9 },
      values: ratios,
      rows,
      batchRows: rows,
    },
    format === 'csv' ? ['rxjs', 'csv-parse'] : ['rxjs'],
  )
  console.log(
    `${format}: ${summary(ours, 0)} k rows/s, by hand ${summary(theirs, 0)}, ratio ${summary(ratios, 2)} (target 0.9)`,
  )
}

async function find(): Promise<void> {
  const folder = join(place, 'many')
  for (let sub = 0; sub < 10; sub++) {
    mkdirSync(join(folder, `${sub}`), { recursive: true })
    for (let id = 0; id < 1_000; id++) writeFileSync(join(folder, `${sub}`, `${id}.txt`), '{}\n')
  }
  const state = join(place, 'state')
  const options = { path: folder, glob: '*/*', format: 'jsonLines', schema: row, state, settle: 0 } as const
  const everything = { maxRows: Infinity, maxBytes: Infinity, maxFiles: Infinity }
  const [ours, theirs]: [number[], number[]] = [[], []]
  let seen = { files: 0 }
  const reader = files(options).streamReader()
  seen = (await reader.latestOffset(seen, everything)) as { files: number }
  for (let round = 0; round < rounds; round++) {
    writeFileSync(join(folder, '5', `new-${round}.txt`), '{}\n')
    const began = performance.now()
    seen = (await reader.latestOffset(seen, everything)) as { files: number }
    ours.push(performance.now() - began)
    const byHand = performance.now()
    for (const name of readdirSync(folder, { recursive: true })) statSync(join(folder, String(name)))
    theirs.push(performance.now() - byHand)
  }
  if (seen.files !== 10_000 + rounds) throw new Error(`saw ${seen.files}`)
  report({
    name: 'a folder of 10,000 files, one of them new: found',
    unit: 'ms',
    target: { atMost: 1_000 },
    values: ours,
  })
  console.log(
    `one new among 10,000: ${summary(ours, 0)} ms, a bare readdirSync and statSync ${summary(theirs, 0)} ms (target under 1000)`,
  )
}

try {
  await compare('jsonLines', linesByHand)
  await compare('csv', csvByHand)
  await find()
} finally {
  rmSync(place, { recursive: true, force: true })
}
