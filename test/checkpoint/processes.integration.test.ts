import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { CheckpointLockedError } from '../../src/errors.ts'
import { collect, failureOf, settle } from './settle.ts'
import { temporaryFolder } from './temporary-folder.ts'

interface Message {
  readonly opened?: number
  readonly planned?: number
  readonly done?: number
  readonly failed?: string
}

interface Worker {
  readonly child: ChildProcess
  readonly messages: Message[]
  /** Settles with the first message, received or to come, that fits. */
  readonly heard: (fits: (message: Message) => boolean) => Promise<Message>
  readonly exited: Promise<unknown>
}

const program = fileURLToPath(new URL('./worker.ts', import.meta.url))
const workers: Worker[] = []
const cleanups: (() => void)[] = []

afterEach(async () => {
  for (const { child, exited } of workers.splice(0)) {
    child.kill('SIGKILL')
    await exited
  }
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function start(...args: string[]): Worker {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const messages: Message[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    messages.push(JSON.parse(line) as Message)
    for (const check of waiting) check()
  })
  const exited = once(child, 'close')
  const heard = (fits: (message: Message) => boolean) =>
    new Promise<Message>((resolve, reject) => {
      const check = () => {
        const found = messages.find(fits)
        if (found === undefined) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
      void exited.then(() => {
        check()
        reject(new Error(`the process ended after ${JSON.stringify(messages.slice(-3))}`))
      })
    })
  const worker = { child, messages, heard, exited }
  workers.push(worker)
  return worker
}

async function kill(worker: Worker): Promise<void> {
  worker.child.kill('SIGKILL')
  await worker.exited
}

function newPath(): string {
  const folder = temporaryFolder()
  cleanups.push(folder.remove)
  return join(folder.path, 'checkpoint')
}

const kinds: Record<string, (path: string) => Checkpoint> = {
  file: (path) => fileCheckpoint(path, { retain: 5 }),
  sqlite: (path) => sqliteCheckpoint(path, { retain: 5 }),
}

describe.each(Object.keys(kinds))('%s', (kind) => {
  const open = (path: string) => settle((kinds[kind] as (path: string) => Checkpoint)(path).open({ sources: ['src'] }))

  it('lets exactly one of several racing starters in', async () => {
    const path = newPath()
    for (let round = 0; round < 3; round++) {
      const moment = String(Date.now() + 1_000)
      const starters = Array.from({ length: 5 }, () => start(kind, path, 'hold', moment))
      const answers = await Promise.all(starters.map(({ heard }) => heard(() => true)))
      await Promise.all(starters.map(kill))
      expect(answers.filter(({ opened }) => opened !== undefined)).toEqual([{ opened: round + 1 }])
      expect(answers.filter(({ failed }) => failed === 'CheckpointLockedError')).toHaveLength(4)
    }
  })

  it('refuses while another process has it, and takes over when that one was killed', async () => {
    const path = newPath()
    const holder = start(kind, path, 'hold')
    await holder.heard(({ opened }) => opened === 1)
    const before = performance.now()
    expect(await failureOf(() => open(path))).toBeInstanceOf(CheckpointLockedError)
    expect(performance.now() - before).toBeLessThan(1_000)
    await kill(holder)
    const session = await open(path)
    expect(session.epoch).toBe(2)
    await settle(session.close())
  })

  it('has neither a gap nor a corrupt entry after kill -9 at random moments', async () => {
    const path = newPath()
    let confirmed: Message[] = []
    for (let round = 0; round < 20; round++) {
      const worker = start(kind, path, 'loop')
      await worker.heard(({ opened }) => opened !== undefined)
      await sleep(Math.random() * 60)
      await kill(worker)
      expect(worker.messages.filter(({ failed }) => failed !== undefined)).toEqual([])
      confirmed = [...confirmed, ...worker.messages]

      const session = await open(path)
      const { done, pending } = session.recovered
      const lastDone = Math.max(-1, ...confirmed.flatMap((message) => message.done ?? []))
      const lastPlanned = Math.max(-1, ...confirmed.flatMap((message) => message.planned ?? []))
      expect(done?.batchId ?? -1).toBeGreaterThanOrEqual(lastDone)
      expect(done?.batchId ?? -1).toBeLessThanOrEqual(lastDone + 1)
      expect(pending?.batchId ?? done?.batchId ?? -1).toBeGreaterThanOrEqual(lastPlanned)
      if (pending !== undefined) {
        expect(pending).toMatchObject({ start: { seq: pending.batchId }, partitions: [{ at: pending.batchId }] })
        expect(await collect(session.readJournal?.(pending.batchId) ?? [])).toEqual([[pending.batchId]])
      }
      // What was durable and not confirmed is known now; the next process may add one more of that kind.
      if (done !== undefined) confirmed.push({ done: done.batchId })
      await settle(session.close())
    }
    expect(Math.max(...confirmed.flatMap((message) => message.done ?? []))).toBeGreaterThan(10)
  })
})

it('a stopped process that lost its lease writes nothing after it goes on', async () => {
  const path = newPath()
  const stopped = start('file', path, 'loop')
  await stopped.heard(({ done }) => done === 3)
  stopped.child.kill('SIGSTOP')
  expect(await failureOf(() => fileCheckpoint(path).open({ sources: ['src'] }))).toBeInstanceOf(CheckpointLockedError)

  const session = await settle(fileCheckpoint(path, { takeOver: true }).open({ sources: ['src'] }))
  const before = entriesOf(path)
  stopped.child.kill('SIGCONT')
  await stopped.heard(({ failed }) => failed !== undefined)
  await stopped.exited
  expect(stopped.messages.at(-1)).toEqual({ failed: 'LeaseLostError' })
  expect(entriesOf(path)).toEqual(before)

  const { done, pending, initial } = session.recovered
  const batchId = pending?.batchId ?? (done?.batchId ?? -1) + 1
  const from = done?.end ?? (initial as object)
  if (pending === undefined)
    await session.write([
      { plan: { queryId: session.queryId, batchId, start: from, end: { seq: batchId + 1 }, partitions: [] } },
    ])
  await session.write([{ done: batchId, outcome: 'committed' }])
  await session.close()
})

/** The log's entries with their content. */
function entriesOf(path: string): Record<string, string> {
  const folders = ['offsets', 'commits', '_sluice/plans', '_sluice/journals', '_sluice/lease']
  const files = folders.flatMap((folder) => readdirSync(join(path, folder)).map((name) => join(folder, name)))
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(path, file), 'latin1')]))
}
