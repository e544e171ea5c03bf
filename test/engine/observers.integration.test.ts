import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { from, lastValueFrom, map, toArray } from 'rxjs'
import { afterEach, describe, expect, it } from 'vitest'
import { readJsonLines } from '../../src/connectors/json-lines/read.ts'

describe('invariant 12 in a process of its own: an event handler that throws', () => {
  let folder = ''
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const run = (observer: 'throw' | 'behave') =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'throwing-observer.ts'), folder, observer], {
      encoding: 'utf8',
      timeout: 30_000,
    })
  const delivered = () =>
    lastValueFrom(
      from(readJsonLines<{ n: number }>(join(folder, 'data'))).pipe(
        map(({ n }) => n),
        toArray(),
      ),
    )
  const all = Array.from({ length: 20 }, (_, n) => n)

  it.each(['throw', 'behave'] as const)(
    'changes nothing of what is delivered, and doesn’t end it (%s)',
    async (observer) => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-observer-'))
      const { status, stderr } = run(observer)
      expect(status).toBe(0)
      expect(stderr.includes('an observer of events$ threw: metrics are broken')).toBe(observer === 'throw')
      expect(await delivered()).toEqual(all)
    },
  )
})
