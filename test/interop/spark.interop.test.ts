import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { lastValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { sparkPython } from '../../scripts/spark-env.mjs'
import { formatOffset } from '../../src/checkpoint/offset-text.ts'
import { CheckpointCorruptError } from '../../src/errors.ts'
import { batchIds, type Delivery, Ledger } from './ledger.ts'
import { acknowledged, makePlace, type NumbersQueryOptions, numbersQuery, type Place } from './place.ts'
import { type Spark, type SparkQueryOptions, startSpark } from './spark.ts'

const newFolder = () => mkdtempSync(join(tmpdir(), 'sluice-spark-'))
const sparkFolder = newFolder()
let running: Spark | undefined

/** One Spark for all tests; a new one after it was killed. */
async function spark(): Promise<Spark> {
  if (running === undefined) {
    running = await startSpark(sparkFolder)
    console.log(running.version)
  }
  return running
}

async function killSpark(): Promise<void> {
  await running?.kill()
  running = undefined
}

beforeAll(async () => {
  await spark()
})

afterAll(async () => {
  await running?.stop()
  rmSync(sparkFolder, { recursive: true, force: true })
})

/** A new query, and its runs: each is one engine's, over everything below the head. */
function newQuery({ sources = 1 }: { readonly sources?: 1 | 2 } = {}) {
  const folder = newFolder()
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const made = makePlace(folder)
  const place: Place = sources === 1 ? made : { ...made, second: join(folder, 'second') }
  const ledger = new Ledger(place)
  const setHead = (head: number) => writeFileSync(place.head, String(head))
  return {
    place,
    ledger,
    /** @returns the ids of the batches it ran. */
    sluice: async (head: number, options?: NumbersQueryOptions): Promise<readonly number[]> => {
      setHead(head)
      const progress = await lastValueFrom(numbersQuery(place, options).pipe(toArray()))
      const { queryId } = ledger.look()
      for (const { id } of progress) expect(id).toBe(queryId)
      return progress.map(({ batchId }) => batchId)
    },
    /** @returns the ids of the batches it ran. */
    spark: async (head: number, options?: SparkQueryOptions): Promise<readonly number[]> => {
      setHead(head)
      const before = batchIds(join(place.checkpoint, 'commits'))
      const { queryId, hangs } = await (await spark()).run(place, options)
      const { finished, queryId: logged } = ledger.look()
      if (hangs !== undefined) return [hangs]
      expect(queryId).toBe(logged)
      return finished.filter((id) => !before.includes(id))
    },
    /** Kills a process of sluice's in the midst of the next batch. */
    killSluice: async (head: number, moment: 'planned' | 'written'): Promise<void> => {
      setHead(head)
      await killSluice(place, moment)
    },
  }
}

async function killSluice(place: Place, moment: string): Promise<void> {
  const program = fileURLToPath(new URL('./sluice-process.ts', import.meta.url))
  const child = spawn(process.execPath, [program, JSON.stringify(place), moment], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  try {
    const [line] = await Promise.race([once(child.stdout, 'data'), ended])
    expect(String(line)).toMatch(/^stopped in batch \d+\n/) // each partition says so
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** Every file below a folder, with its bytes and the time of its last change. */
function filesBelow(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names.map((name) => {
      const path = join(folder, name)
      const stat = statSync(path)
      return [name, stat.isDirectory() ? 'a folder' : `${stat.mtimeMs} ${readFileSync(path, 'latin1')}`]
    }),
  )
}

const upTo = (head: number) => Array.from({ length: head }, (_, n) => n)
const engines = (deliveries: readonly Delivery[]) => deliveries.map(({ batchId, engine }) => `${batchId} ${engine}`)

it('a query goes from sluice to Spark, back, and to Spark again', async () => {
  const query = newQuery()
  expect(await query.sluice(25)).toEqual([0, 1, 2])
  const { queryId } = query.ledger.look()

  expect(await query.spark(25)).toEqual([]) // the same offset, to the byte
  expect(await query.spark(40)).toEqual([3, 4])
  expect(await query.sluice(40)).toEqual([])
  expect(await query.sluice(60)).toEqual([5, 6])
  expect(await query.spark(61)).toEqual([7])
  expect(await query.sluice(62)).toEqual([8])

  expect(query.ledger.look()).toMatchObject({ queryId, planned: [0, 1, 2, 3, 4, 5, 6, 7, 8] })
  expect(engines(query.ledger.expectWhole(62))).toEqual([
    '0 sluice',
    '1 sluice',
    '2 sluice',
    '3 Spark',
    '4 Spark',
    '5 sluice',
    '6 sluice',
    '7 Spark',
    '8 sluice',
  ])
  // Whichever engine planned a batch, the source hears of its end, in order; Spark tells it a batch later, and sluice once more at start.
  const acks = acknowledged(query.place)
  expect(acks).toEqual(acks.toSorted((a, b) => a - b))
  expect([...new Set(acks)]).toEqual([10, 20, 25, 35, 40, 50, 60, 61, 62])
})

it('a query begins in Spark', async () => {
  const query = newQuery()
  expect(await query.spark(12)).toEqual([0, 1])
  expect(await query.sluice(12)).toEqual([])
  expect(await query.sluice(20)).toEqual([2])
  expect(await query.spark(30)).toEqual([3])
  expect(engines(query.ledger.expectWhole(30))).toEqual(['0 Spark', '1 Spark', '2 sluice', '3 Spark'])
})

describe('sluice, killed in the midst of a batch', () => {
  it.each([
    { when: 'the first one, before anything was written', before: 0, moment: 'planned', batchId: 0 },
    { when: 'before anything was written', before: 15, moment: 'planned', batchId: 2 },
    { when: 'after all was written', before: 15, moment: 'written', batchId: 2 },
  ] as const)('$when: Spark replays the batch', async ({ before, moment, batchId }) => {
    const query = newQuery()
    if (before > 0) expect(await query.sluice(before)).toEqual([0, 1])
    await query.killSluice(before + 7, moment)
    const { planned, finished } = query.ledger.look()
    expect([planned.at(-1), finished.length]).toEqual([batchId, batchId])

    // What came meanwhile is no part of that batch.
    expect(await query.spark(before + 9)).toEqual([batchId, batchId + 1])
    expect(await query.sluice(before + 9)).toEqual([])
    expect(await query.sluice(before + 10)).toEqual([batchId + 2])
    const deliveries = engines(query.ledger.expectWhole(before + 10))
    const last = [`${batchId} Spark`, `${batchId + 1} Spark`, `${batchId + 2} sluice`]
    expect(deliveries.slice(batchId)).toEqual(moment === 'written' ? [`${batchId} sluice`, ...last] : last)
  })
})

describe('Spark, killed in the midst of a batch', () => {
  it.each([
    { when: 'the first one of a query', before: 0, batchId: 0, stale: false },
    { when: 'a later one, which sluice had begun to plan otherwise', before: 15, batchId: 2, stale: true },
  ])('$when: sluice replays the batch, and Spark goes on', async ({ before, batchId, stale }) => {
    const query = newQuery()
    if (before > 0) expect(await query.sluice(before)).toEqual([0, 1])
    if (stale) {
      await query.killSluice(before + 3, 'planned')
      // As if it had been killed a moment earlier: its own plan is there, and the log doesn't know of it yet.
      rmSync(join(query.place.checkpoint, 'offsets', String(batchId)))
    }
    expect(await query.spark(before + 7, { hang: true })).toEqual([batchId])
    await killSpark()
    const { planned, finished } = query.ledger.look()
    expect([planned.at(-1), finished.length]).toEqual([batchId, batchId])

    expect(await query.sluice(before + 9)).toEqual([batchId, batchId + 1])
    expect(await query.spark(before + 9)).toEqual([])
    expect(await query.spark(before + 10)).toEqual([batchId + 2])
    expect(engines(query.ledger.expectWhole(before + 10)).slice(batchId)).toEqual([
      `${batchId} sluice`,
      `${batchId} Spark`,
      `${batchId + 1} sluice`,
      `${batchId + 2} Spark`,
    ])
  })
})

it('each engine goes on when the other has dropped old batches', async () => {
  const query = newQuery()
  const { checkpoint } = query.place
  const conf = { 'spark.sql.streaming.minBatchesToRetain': '2', 'spark.sql.streaming.asyncLogPurge.enabled': 'false' }
  expect(await query.sluice(50, { retain: 2 })).toEqual([0, 1, 2, 3, 4])
  expect(query.ledger.look().planned).toEqual([2, 3, 4])
  expect(await query.spark(70, { conf })).toEqual([5, 6])
  expect(query.ledger.look().planned).toEqual([4, 5, 6])
  expect(await query.sluice(100, { retain: 2 })).toEqual([7, 8, 9])
  expect(query.ledger.look().planned).toEqual([7, 8, 9])
  // Neither Spark's checksums nor sluice's plans of the dropped ones are left.
  expect(readdirSync(join(checkpoint, 'offsets')).sort()).toEqual(['7', '8', '9'])
  expect(readdirSync(join(checkpoint, 'commits')).sort()).toEqual(['7', '8', '9'])
  expect(readdirSync(join(checkpoint, '_sluice/plans')).sort()).toEqual(['7', '8', '9'])
  expect(await query.spark(101, { conf })).toEqual([10])
  expect(await query.sluice(102, { retain: 2 })).toEqual([11])
  expect(query.ledger.deliveries().flatMap((delivery) => delivery.numbers)).toEqual(upTo(102))
})

it('a query with two sources goes from sluice to Spark and back', async () => {
  const query = newQuery({ sources: 2 })
  const second = query.place.second as string
  writeFileSync(second, '20')
  expect(await query.sluice(10, { maxRows: 100 })).toEqual([0])
  expect(await query.spark(10)).toEqual([])
  expect(await query.spark(13)).toEqual([1]) // the second source stays where it was
  expect(await query.sluice(13)).toEqual([])
  writeFileSync(second, '24')
  expect(await query.sluice(13)).toEqual([2])
  expect(await query.spark(13)).toEqual([])
  expect(query.ledger.deliveries().map(({ engine, numbers }) => [engine, numbers])).toEqual([
    ['sluice', [...upTo(10), ...upTo(20)].sort((a, b) => a - b)],
    ['Spark', [10, 11, 12]],
    ['sluice', [20, 21, 22, 23]],
  ])
})

describe('what sluice can not go on with, it refuses and leaves as it was', () => {
  it.each([
    { what: 'a query with state', options: { stateful: true }, message: /state: expected a query without state/ },
    {
      what: 'a log of version 2',
      options: { conf: { 'spark.sql.streaming.offsetLog.formatVersion': '2' } },
      message: /offsets.0: expected version v1, found v2/,
    },
  ])('$what', async ({ options, message }) => {
    const query = newQuery()
    expect(await query.spark(12, options)).toContain(1)
    const before = filesBelow(query.place.checkpoint)
    const failure = await query.sluice(20).then(
      () => undefined,
      (error: Error) => error,
    )
    expect(failure?.cause).toBeInstanceOf(CheckpointCorruptError)
    expect(failure?.message).toMatch(message)
    expect(filesBelow(query.place.checkpoint)).toEqual(before)
    expect(acknowledged(query.place)).toEqual([10])
    expect(readdirSync(query.place.sluice)).toEqual([])
    expect(await query.spark(20, options)).toContain(2)
  })
})

it("offsets are written as Python's json.dumps writes them", () => {
  const awkward = fc.string({ unit: fc.constantFrom(...'"\\/\b\f\n\r\t\0\x1f\x7f\x80\u2028é✓', '\u{1f600}') })
  const leaf = fc.oneof(fc.maxSafeInteger(), fc.boolean(), fc.string({ unit: 'binary' }), awkward)
  // Keys that look like numbers come first in JavaScript, whatever their order was.
  const key = fc.string({ unit: 'grapheme' }).filter((name) => !/^\d+$/.test(name) && name !== '__proto__')
  const { offset } = fc.letrec<{ offset: object; value: unknown }>((tie) => ({
    offset: fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<object>,
    value: fc.oneof({ maxDepth: 3 }, leaf, tie('offset')),
  }))
  const offsets = fc.sample(offset, 2_000)
  const echo = 'import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))'
  const { stdout, stderr } = spawnSync(sparkPython, ['-c', echo], {
    input: offsets.map((sample) => JSON.stringify(sample)).join('\n'),
    env: { ...process.env, PYTHONUTF8: '1' },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  expect(stderr).toBe('')
  expect(stdout.trimEnd().split('\n')).toEqual(offsets.map((sample) => formatOffset(sample, 'offset')))
})
