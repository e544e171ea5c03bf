import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonLinesWriter } from '../../../src/connectors/json-lines/sink.ts'
import type { Entry } from '../../../src/connectors/manifest/entry.ts'
import type { Files } from '../../../src/connectors/manifest/files.ts'
import { LeaseLostError } from '../../../src/errors.ts'
import { batchOf, type Partitions, settle, stageBatch, startOf, writeBatch } from '../drive.ts'
import { type Fate, killedAt, MemoryFiles, watched } from '../manifest/memory-files.ts'

const root = '/data'
const entries = `${root}/_manifest/q/main`
const staging = `${root}/_staging/q/main`

/** Two partitions of two chunks; a batch without rows; a batch with one empty partition. */
const batches: readonly Partitions<{ id: string }>[] = [
  [[[{ id: '0a' }, { id: '0b' }], [{ id: '0c' }]], [[{ id: '0d' }]]],
  [[], []],
  [[], [[{ id: '2a' }, { id: '2a' }]]],
]
const rowsOf = (batchId: number) => (batches[batchId] ?? []).flat(2).map((row) => row.id)
const allRows = batches.flatMap((_, batchId) => rowsOf(batchId))

/** Runs a process of a query as the engine would: `log` holds how many batches are done. */
async function run(files: Files, epoch: number, log: { done: number }, skip: readonly number[] = []): Promise<void> {
  const writer = jsonLinesWriter(root, files)
  await settle(() => writer.start?.(startOf({ epoch })))
  for (let batchId = log.done; batchId < batches.length; batchId++) {
    if (!skip.includes(batchId)) await writeBatch(writer, batchOf(batchId), batches[batchId] ?? [])
    log.done = batchId + 1
  }
}

const idsIn = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { id: string }).id)

/** The rows by the manifest, read without the library. Fails where an entry lists a file that isn't there. */
function byManifest(disk: MemoryFiles): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const name of disk.names(entries)) {
    const entry = JSON.parse(disk.text(`${entries}/${name}`) ?? '') as Entry
    const texts = entry.files.map((file) => disk.text(`${root}/${file.name}`) ?? disk.text(`${staging}/${file.name}`))
    expect(texts).not.toContain(undefined)
    found.set(
      entry.batchId,
      texts.flatMap((text) => idsIn(text ?? '')),
    )
  }
  return found
}

/** The rows that `cat *.jsonl` shows. */
function byCat(disk: MemoryFiles): string[] {
  return disk
    .names(root)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => idsIn(disk.text(`${root}/${name}`) ?? ''))
}

/** Before a restart: batches are there whole or not, and `cat` shows nothing of those that aren't, and nothing twice. */
function expectNoHalfBatch(disk: MemoryFiles): void {
  const committed = byManifest(disk)
  for (const [batchId, rows] of committed) expect(rows).toEqual(rowsOf(batchId))
  const allowed = [...committed.values()].flat()
  for (const id of byCat(disk)) {
    expect(allowed).toContain(id)
    allowed.splice(allowed.indexOf(id), 1)
  }
}

function expectAllOnce(disk: MemoryFiles): void {
  expect([...byManifest(disk)].sort(([a], [b]) => a - b)).toEqual(
    batches.map((_, batchId) => [batchId, rowsOf(batchId)]),
  )
  expect(byCat(disk)).toEqual(allRows)
}

const always =
  (fate: 'kept' | 'lost'): Fate =>
  () =>
    fate

/** Every step of the whole run, until one is beyond its end. */
async function killedAtEachStep(when: 'before' | 'after', then: (disk: MemoryFiles) => void): Promise<number> {
  for (let step = 0; ; step++) {
    const disk = new MemoryFiles()
    const log = { done: 0 }
    const process = killedAt(disk.files, step, when)
    await run(process.files, 1, log).catch(() => undefined)
    then(disk)
    expectNoHalfBatch(disk)
    await run(disk.files, 2, log)
    expectAllOnce(disk)
    expect(disk.names(staging)).toEqual([])
    if (!process.reached()) return step
  }
}

describe.each(['before', 'after'] as const)('killed %s any step and started again, every row is there once', (when) => {
  test('the machine goes on', async () => {
    expect(await killedAtEachStep(when, () => undefined)).toBeGreaterThan(60)
  })

  test('the power goes with it, and all that was not synced is lost', async () => {
    await killedAtEachStep(when, (disk) => disk.losePower(always('lost')))
  })

  test('the power goes with it, and some of what was not synced is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.constantFrom('kept' as const, 'lost' as const)), async (fates) => {
        await killedAtEachStep(when, (disk) => disk.losePower(() => fates.next().value))
      }),
      { numRuns: 10 },
    )
  })
})

test('killed twice: while it recovers from the first time, too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(90), fc.nat(90), fc.boolean(), async (first, second, powerLoss) => {
      const disk = new MemoryFiles()
      const log = { done: 0 }
      for (const [index, step] of [first, second].entries()) {
        await run(killedAt(disk.files, step, 'after').files, index + 1, log).catch(() => undefined)
        if (powerLoss) disk.losePower(always('lost'))
        expectNoHalfBatch(disk)
      }
      await run(disk.files, 3, log)
      expectAllOnce(disk)
    }),
    { numRuns: 150 },
  )
})

test('a batch that was committed survives a loss of power at once', async () => {
  const disk = new MemoryFiles()
  await run(disk.files, 1, { done: 0 })
  disk.losePower(always('lost'))
  expectAllOnce(disk)
})

describe('a writer that was replaced and lives on', () => {
  /** Both have ended. `abandons`: the successor's source is a queue, and it went on without batch 0. */
  async function expectEachOnce(disk: MemoryFiles, zombie: unknown, abandons: boolean): Promise<void> {
    expect([undefined, LeaseLostError]).toContain(zombie?.constructor)
    const held = byManifest(disk)
    if (abandons && (held.get(0)?.length ?? 0) === 0) held.set(0, rowsOf(0))
    expect([...held].sort(([a], [b]) => a - b)).toEqual(batches.map((_, batchId) => [batchId, rowsOf(batchId)]))
    await run(disk.files, 3, { done: batches.length })
    expect(byCat(disk).sort()).toEqual([...byManifest(disk).values()].flat().sort())
  }

  const errorOf = (running: Promise<void>): Promise<unknown> =>
    running.then(
      () => undefined,
      (error: unknown) => error,
    )

  test('in any interleaving with its successor, each batch is there once, whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, abandons) => {
        const disk = new MemoryFiles()
        const files = () => watched(disk.files, { before: () => scheduler.schedule(Promise.resolve()) })
        const zombie = errorOf(run(files(), 1, { done: 0 }))
        const successor = run(files(), 2, { done: 0 }, abandons ? [0] : [])
        const [error] = await scheduler.waitFor(Promise.all([zombie, successor]))
        await expectEachOnce(disk, error, abandons)
      }),
      { numRuns: 100 },
    )
  })

  test('asleep before any step, and awake again while its successor sleeps before any step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(80), fc.boolean(), async (zombieStep, successorStep, abandons) => {
        const disk = new MemoryFiles()
        const sleeper = (at: number) => {
          const asleep = Promise.withResolvers<void>()
          const awake = Promise.withResolvers<void>()
          const before = (step: number) => {
            if (step !== at) return
            asleep.resolve()
            return awake.promise
          }
          return { files: watched(disk.files, { before }), asleep: asleep.promise, wake: awake.resolve }
        }
        const [first, second] = [sleeper(zombieStep), sleeper(successorStep)]
        const zombie = errorOf(run(first.files, 1, { done: 0 }))
        await Promise.race([first.asleep, zombie])
        const successor = run(second.files, 2, { done: 0 }, abandons ? [0] : [])
        await Promise.race([second.asleep, successor])
        first.wake()
        const error = await zombie
        second.wake()
        await successor
        await expectEachOnce(disk, error, abandons)
      }),
      { numRuns: 600 },
    )
  })

  test('commits nothing once the later one has started', async () => {
    const disk = new MemoryFiles()
    const old = jsonLinesWriter(root, disk.files)
    await settle(() => old.start?.(startOf({ epoch: 1 })))
    const messages = await stageBatch(old, batchOf(0), batches[0] ?? [])
    await settle(() => jsonLinesWriter(root, disk.files).start?.(startOf({ epoch: 2 })))
    await expect(settle(() => old.commit(messages, batchOf(0)))).rejects.toThrow(LeaseLostError)
    await expect(settle(() => jsonLinesWriter(root, disk.files).start?.(startOf({ epoch: 1 })))).rejects.toThrow(
      LeaseLostError,
    )
    expect(byManifest(disk)).toEqual(new Map())
    expect(byCat(disk)).toEqual([])
  })

  test('is shut out of a batch that its successor abandoned, before its files are removed', async () => {
    const disk = new MemoryFiles()
    const old = jsonLinesWriter(root, disk.files)
    await settle(() => old.start?.(startOf({ epoch: 1 })))
    await stageBatch(old, batchOf(0), batches[0] ?? [])
    await run(disk.files, 2, { done: 1 })
    const entry = JSON.parse(disk.text(`${entries}/0.json`) ?? '') as Entry
    expect(entry).toMatchObject({ outcome: 'abandoned', files: [], epoch: 2 })
    expect(disk.names(staging)).toEqual([])
  })
})
