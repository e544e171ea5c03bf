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

  const run = (observer: 'throw' | 'behave', end: 'die' | 'survive') =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'throwing-observer.ts'), folder, observer, end], {
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

  it('changes nothing in a process that handles uncaught exceptions', async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-observer-'))
    expect(run('throw', 'survive').status).toBe(0)
    expect(await delivered()).toEqual(all)
  })

  it('ends one that doesn’t, as any uncaught exception; what it delivered stands, and the next run brings the rest', async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-observer-'))
    const died = run('throw', 'die')
    expect([died.status, died.stderr]).toEqual([1, expect.stringContaining('metrics are broken')])
    expect((await delivered()).length).toBeLessThan(20)
    expect(run('behave', 'die').status).toBe(0)
    expect(await delivered()).toEqual(all)
  })
})
