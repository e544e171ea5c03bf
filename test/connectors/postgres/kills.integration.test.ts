import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canOwnServer, ownServer, psql as psqlAt, withDatabase } from '../../support/postgres.ts'

const worker = fileURLToPath(new URL('worker.ts', import.meta.url))
const endless = 1e9

function start(...args: readonly string[]): ChildProcess & { readonly errors: () => string } {
  const child = spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (piece: Buffer) => {
    errors += piece.toString()
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return Object.assign(child, { errors: () => errors })
}

async function toEnd(...args: readonly string[]): Promise<void> {
  const child = start(...args)
  const [code] = await once(child, 'exit')
  expect([code, child.errors()]).toEqual([0, ''])
}

/** Starts the query and kills it at a random moment, so many times. */
async function killed(times: number, args: readonly string[]): Promise<void> {
  for (let round = 0; round < times; round++) {
    const child = start(...args)
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    await sleep(20 + Math.random() * 230)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(child.errors()).toBe('')
  }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-kills-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'checkpoint')
}

describe('a process killed at random moments', () => {
  it.each([
    ['append', 'file', '500', 50],
    ['append', 'joined', '33554432', 20],
    ['upsert', 'joined', '500', 20],
  ] as const)('leaves every row once: %s, %s log, %s characters held, %i times', async (mode, log, held, times) => {
    const { url, psql } = await withDatabase()
    const args = (until: number) => [url, String(until), 't', log === 'file' ? folderOnce() : log, mode, held]
    const path = folder()
    const folderOnce = () => path
    await toEnd(...args(90))
    await killed(times, args(endless))
    const [count = '0'] = psql('SELECT count(*) FROM t')
    expect(Number(count)).toBeGreaterThan(90)
    const until = Math.ceil(Number(count) / 90) * 90 + 900
    await toEnd(...args(until))
    expect(psql('SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t')).toEqual([
      `${until}|${until}|0|${until - 1}`,
    ])
    expect(psql(`SELECT count(*) FROM t WHERE name <> 'row ' || id`)).toEqual(['0'])
  })
})

describe('two processes', () => {
  it('on one log: the second is refused while the first runs, and goes on when that is killed', async () => {
    const { url, psql } = await withDatabase()
    const first = start(url, String(endless), 't', 'joined', 'append')
    await once(first.stdout as NodeJS.ReadableStream, 'data')
    while (psql("SELECT to_regclass('t') IS NOT NULL")[0] !== 't') await sleep(20)
    const second = start(url, String(endless), 't', 'joined', 'append')
    const [code] = await once(second, 'exit')
    expect(code).not.toBe(0)
    expect(second.errors()).toContain('is in use by another session')
    first.kill('SIGKILL')
    const third = start(url, String(endless), 't', 'joined', 'append')
    await sleep(1_500)
    third.kill('SIGKILL')
    await once(third, 'exit')
    expect(third.errors()).toBe('')
    const [count = '0'] = psql('SELECT count(*) FROM t')
    expect(psql('SELECT count(DISTINCT id), min(id), max(id) FROM t')).toEqual([`${count}|0|${Number(count) - 1}`])
  })
})

describe.runIf(canOwnServer)('a server killed in the middle of batches', () => {
  it.each(['append', 'upsert'])('has every row once in the end: %s', async (mode) => {
    const server = await ownServer()
    const path = folder()
    const args = (until: number) => [server.url, String(until), 't', path, mode, '500']
    await toEnd(...args(90))
    for (let round = 0; round < 5; round++) {
      const child = start(...args(endless))
      await once(child.stdout as NodeJS.ReadableStream, 'data')
      await sleep(200 + Math.random() * 300)
      await server.kill()
      await once(child, 'exit') // a checkpoint of files is whole; the query fails when its retries are used up
      expect(child.errors()).toMatch(/PostgresError|CommitInDoubtError/)
      await server.start()
    }
    const [count = '0'] = psqlAt(server.url, 'SELECT count(*) FROM t')
    const until = Math.ceil(Number(count) / 90) * 90 + 900
    await toEnd(...args(until))
    expect(psqlAt(server.url, 'SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t')).toEqual([
      `${until}|${until}|0|${until - 1}`,
    ])
  })
})
