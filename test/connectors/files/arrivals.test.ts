import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncScheduler, firstValueFrom, lastValueFrom } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { arrivals } from '../../../src/connectors/files/arrivals.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { schema } from '../../../src/schema.ts'
import { readStream } from '../../../src/stream.ts'
import { whenAvailable } from '../../../src/trigger.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-arrivals-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

describe('arrivals', () => {
  it('tells of a new file', async () => {
    const path = folder()
    const told = firstValueFrom(arrivals(path, false, 0, asyncScheduler))
    writeFileSync(join(path, 'a.jsonl'), '{}\n')
    await expect(told).resolves.toBeUndefined()
  })

  it('tells of a new file in a folder below, where those count', async () => {
    const path = folder()
    mkdirSync(join(path, 'below'))
    const told = firstValueFrom(arrivals(path, true, 0, asyncScheduler))
    writeFileSync(join(path, 'below', 'a.jsonl'), '{}\n')
    await expect(told).resolves.toBeUndefined()
  })

  it('ends with a warning where it can’t watch', async () => {
    const path = join(folder(), 'nowhere')
    const warned = once(process, 'warning') as Promise<[Error]>
    await lastValueFrom(arrivals(path, false, 0, asyncScheduler), { defaultValue: 'ended' })
    const [{ message }] = await warned
    expect(message).toContain(`${path} can't be watched (ENOENT`)
  })
})

it('a query that listens has a new file long before it would ask', async () => {
  const path = folder()
  const sink = memorySink<{ id: number }>()
  const source = files({
    path: join(path, 'in'),
    format: 'jsonLines',
    schema: schema('id int not null'),
    state: join(path, 'state'),
    settle: 0,
  })
  mkdirSync(join(path, 'in'))
  await using run = readStream(source)
    .writeStream(sink, {
      name: 'q',
      checkpoint: fileCheckpoint(join(path, 'checkpoint')),
      trigger: whenAvailable({ maxWait: '1 hour' }),
    })
    .start()
  const idle = Promise.withResolvers<void>()
  run.events$.subscribe(({ type }) => type === 'idle' && idle.resolve())
  await idle.promise
  writeFileSync(join(path, 'in', 'a.jsonl'), '{"id":1}\n')
  await expect.poll(() => sink.rows, { timeout: 10_000 }).toEqual([{ id: 1 }])
})
