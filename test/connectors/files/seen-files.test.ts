import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FoundFile } from '../../../src/connectors/files/listing.ts'
import { SeenFiles, type SeenRules } from '../../../src/connectors/files/seen-files.ts'
import { type Fate, Killed, killedAt, MemoryFiles, watched } from '../manifest/memory-files.ts'

const folder = '/state'
const rules = (over: Partial<SeenRules> = {}): SeenRules => ({
  folder,
  overwritten: 'fail',
  forgetAfterMs: 1_000,
  settleMs: 0,
  now: () => 1e6,
  ...over,
})
const file = (name: number): FoundFile => ({ path: `f${name}`, size: 1, modified: 0 })
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => file(from + i))
const pathsOf = (seen: SeenFiles): string[] => seen.between(0, seen.count).map(({ path }) => path)

describe('the log of seen files', () => {
  it('has each file once and keeps its place, whatever step a process dies at, and whatever a loss of power takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(40), when: fc.constantFrom('before', 'after'), powerLoss: fc.boolean() }), {
          maxLength: 6,
        }),
        fc.infiniteStream(fc.constantFrom('kept', 'lost')),
        async (deaths, fates) => {
          const disk = new MemoryFiles()
          const fate: Fate = () => fates.next().value as 'kept' | 'lost'
          /** What an offset in the checkpoint counts on: known only after the log said so. */
          let promised: string[] = []
          const live = async (files: typeof disk.files): Promise<void> => {
            const seen = new SeenFiles(files, rules())
            await seen.load()
            expect(pathsOf(seen).slice(0, promised.length)).toEqual(promised)
            for (let round = 1; round <= 24; round++) {
              await seen.add(range(0, round * 2))
              const paths = pathsOf(seen)
              if (paths.length > promised.length) promised = paths
              await seen.compact(seen.count)
            }
          }
          for (const { at, when, powerLoss } of deaths) {
            await live(killedAt(disk.files, at, when as 'before' | 'after').files).catch((error: unknown) => {
              if (!(error instanceof Killed)) throw error
            })
            if (powerLoss) disk.losePower(fate)
          }
          await live(disk.files)
          expect([...promised].sort()).toEqual(
            range(0, 48)
              .map(({ path }) => path)
              .sort(),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('stays one log with two processes at it, in any interleaving', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const disk = new MemoryFiles()
        const live = async (): Promise<string[]> => {
          const files = watched(disk.files, { before: () => scheduler.schedule(Promise.resolve()) })
          const seen = new SeenFiles(files, rules())
          for (let round = 1; round <= 3; round++) await seen.add(range(0, round * 2))
          return pathsOf(seen)
        }
        const [one, other] = await scheduler.waitFor(Promise.all([live(), live()]))
        const after = new SeenFiles(disk.files, rules())
        await after.load()
        for (const paths of [one, other]) expect(pathsOf(after).slice(0, paths.length)).toEqual(paths)
        expect(pathsOf(after)).toEqual(range(0, 6).map(({ path }) => path))
      }),
      { numRuns: 200 },
    )
  })

  it('forgets what is gone for long, when its batch is done and not before, over restarts', async () => {
    const disk = new MemoryFiles()
    let now = 0
    const open = async (): Promise<SeenFiles> => {
      const seen = new SeenFiles(disk.files, rules({ now: () => now }))
      await seen.load()
      return seen
    }
    let seen = await open()
    for (let round = 0; round < 16; round++) await seen.add(range(0, round + 1))
    await seen.add(range(8, 16)) // the first eight are gone since 0
    await seen.compact(4)
    now = 999
    seen = await open()
    await seen.add([...range(8, 16), ...range(100, 101)])
    for (let round = 1; round < 20; round++) await seen.add([...range(8, 16), ...range(100, 101 + round)])
    await seen.compact(4)
    expect(pathsOf(seen)).toContain('f0')
    now = 1_000
    for (let round = 20; round < 40; round++) await seen.add([...range(8, 16), ...range(100, 101 + round)])
    await seen.compact(4)
    const left = pathsOf(await open())
    expect(left).not.toContain('f0')
    expect(left).not.toContain('f3')
    expect(left).toContain('f4') // not committed yet
    await (await open()).add(range(8, 16))
    seen = await open()
    await seen.add([...range(0, 1), ...range(8, 16)])
    expect(pathsOf(seen).at(-1)).toBe('f0')
  })

  it('keeps a file that was away for a while', async () => {
    const disk = new MemoryFiles()
    let now = 0
    const seen = new SeenFiles(disk.files, rules({ now: () => now }))
    await seen.add(range(0, 4))
    for (now = 0; now < 100_000; now += 900) {
      await seen.add(now % 1_800 === 0 ? [] : range(0, 4))
      await seen.compact(4)
    }
    expect(seen.count).toBe(4)
  })
})
