import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { account, accountCount } from '../../examples/server/accounts.ts'
import { event } from '../../examples/server/events.ts'
import type { LedgerOptions, LedgerState } from '../../examples/server/ledger.ts'
import { firstOrder, order, orderEveryMs } from '../../examples/server/orders.ts'
import { idOf, minId } from '../../examples/server/readings.ts'
import type { ServerOptions } from '../../examples/server/server.ts'
import { committedRows, startExample, temporaryFolder, visibleRows } from './child.ts'
import { interrupt, place, serve } from './served.ts'

const faults = { rate: 0.1, slowMs: 50, retryAfterSeconds: 0 } as const

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)
const ascending = (a: number, b: number) => a - b

/** Kills an example at a random moment of each of its lives. */
async function killed(times: number, start: () => ReturnType<typeof startExample>, withinMs: number): Promise<void> {
  for (let kill = 0; kill < times; kill++) {
    const example = start()
    await example.said('. Ctrl-C stops.')
    if (kill === 0) await example.said('Batch 0') // where it begins is settled
    await sleep(Math.random() * withinMs)
    example.kill('SIGKILL')
    expect((await example.ended).signal, example.output()).toBe('SIGKILL')
  }
}

async function serveLedger(options: ServerOptions, ledger: LedgerOptions = {}) {
  const file = join(await temporaryFolder(), 'ledger.sqlite')
  const server = await serve({ ...options, ledger: { file, ...ledger } })
  const database = new DatabaseSync(file, { readOnly: true })
  onTestFinished(() => database.close())
  const state = async () => (await (await fetch(`${server.url}/ledger`)).json()) as LedgerState
  /** In the order in which they came. */
  const ids = () =>
    database
      .prepare('SELECT id FROM rows ORDER BY rowid')
      .all()
      .map(({ id }) => Number(id))
  return { server, state, ids }
}

describe('06-orders', () => {
  test('sends every order once and in order, 500 a request, killed or not', async () => {
    const began = Date.now()
    const { server, state, ids } = await serveLedger({ faults }, { cutEvery: 3 })
    const { env } = await place(server.url, '')
    await killed(6, () => startExample('06-orders.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 ms' }), 250)

    const last = startExample('06-orders.ts', env)
    const wanted = Math.floor((Date.now() - firstOrder) / orderEveryMs)
    await expect.poll(() => ids().at(-1), { timeout: 120_000 }).toBeGreaterThan(wanted)
    await interrupt(last)
    const received = ids()
    expect(received).toEqual(range(received[0]!, received.length))
    const first = Date.parse(order(received[0]!).created_at)
    expect(first).toBeGreaterThanOrEqual(began - 10 * 60_000)
    expect(first).toBeLessThan(began - 9 * 60_000)
    const { rows, requests, repeated } = await state()
    expect(repeated).toBeGreaterThan(0)
    expect(last.output()).toContain(`The receiver has ${rows} orders of ${requests} requests, 0 of them twice.`)
  })

  test('sends a batch of 2,000 in four requests', async () => {
    const { server, state } = await serveLedger({})
    const { env } = await place(server.url, '')
    const example = startExample('06-orders.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 hour' })
    await example.said('Batch 0: 2000 orders in 4 requests')
    await interrupt(example)
    expect(await state()).toEqual({ requests: 4, repeated: 0, cut: 0, rows: 2_000, twice: 0 })
  })
})

describe('07-accounts', () => {
  test('reads every account, with a new token whenever the old one is taken back', async () => {
    const server = await serve({})
    const { env } = await place(server.url, '')
    const example = startExample('07-accounts.ts', env)
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    const cents = range(1, accountCount).reduce((sum, id) => sum + Math.round(Number(account(id).balance) * 100), 0)
    expect(example.output()).toContain(`${accountCount} accounts, together ${(cents / 100).toFixed(2)}\n`)
    // Twenty requests a token, and the first page is read twice: to learn how many there are, and to be read.
    expect(server.stats.byPath['/oauth/token']).toEqual({ 200: 3 })
    expect(server.stats.byPath['/accounts']?.[401]).toBeGreaterThanOrEqual(2)
  })

  test('a wrong secret ends it, and is not shown', async () => {
    const server = await serve({})
    const { env } = await place(server.url, '')
    const example = startExample('07-accounts.ts', { ...env, SLUICE_EXAMPLE_CLIENT_SECRET: 'not-this-one' })
    expect((await example.ended).code).toBe(1)
    expect(example.output()).toContain('401')
    expect(example.output()).not.toContain('not-this-one')
    expect(server.stats.byPath).toEqual({ '/oauth/token': { 401: 1 } })
  })
})

describe('08-large-table', () => {
  test('plans 100 million rows from two ids and, killed on the way, reads each of one in a thousand once', async () => {
    const server = await serve({ faults: { ...faults, rate: 0.02 } })
    const { path, env } = await place(server.url, 'large-table-every-1000')
    const start = () => startExample('08-large-table.ts', { ...env, SLUICE_EXAMPLE_EVERY: '1000' })
    for (const batch of ['Batch 0', 'Batch 4']) {
      const example = start()
      await example.said(batch)
      example.kill('SIGKILL')
      await example.ended
    }
    const last = start()
    expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
    expect(last.output()).toContain('All is read')
    expect(last.output()).not.toContain('Batch 4:')
    const ids = (await committedRows<{ id: string }>(path)).map(({ id }) => Number(id))
    expect(ids.sort(ascending)).toEqual(range(0, 100_000).map((row) => idOf(row * 1_000)))
    expect(await visibleRows(path)).toHaveLength(100_000)
  })

  test('in one go it has 599 slices', async () => {
    const server = await serve({})
    const { env } = await place(server.url, '')
    const example = startExample('08-large-table.ts', { ...env, SLUICE_EXAMPLE_EVERY: '100000' })
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    expect(example.output()).toContain('in this run 1,000 rows of 599 slices.')
    expect(Object.keys(server.stats.byPath)).toEqual(['/readings/bounds', '/readings'])
  })
})

describe('09-late-events', () => {
  interface Row {
    readonly id: string
    readonly at: string
  }

  test('has every event once both ways, in order and as they become known, over kills too', async () => {
    const server = await serve({ faults })
    const { path, env } = await place(server.url, '')
    const rowsOf = (name: string) => committedRows<Row>(join(path, name))
    const start = () => startExample('09-late-events.ts', { ...env, SLUICE_EXAMPLE_POLL: '100 ms' })
    for (let kill = 0; kill < 4; kill++) {
      const example = start()
      for (const name of ['windows', 'cursor']) await example.said(kill === 0 ? `${name}: batch 0` : 'Ctrl-C stops')
      await sleep(Math.random() * 1_500)
      example.kill('SIGKILL')
      await example.ended
    }
    const last = start()
    await last.said('by-cursor: batch', 40)
    await interrupt(last)

    const inWindows = (await rowsOf('events-in-windows')).map(({ id }) => Number(id))
    expect(inWindows).toEqual(range(inWindows[0]!, inWindows.length))
    const byCursor = (await rowsOf('events-by-cursor')).map(({ id }) => Number(id))
    expect(new Set(byCursor).size).toBe(byCursor.length)
    // What is younger than this may not have been known when it was last looked.
    const settled = Math.max(...byCursor) - 100
    const upTo = (ids: readonly number[]) => ids.filter((id) => id <= settled).sort(ascending)
    expect(upTo(byCursor)).toEqual(range(inWindows[0]!, settled + 1 - inWindows[0]!))
    expect(byCursor).not.toEqual(byCursor.toSorted(ascending))
    expect(last.output()).toMatch(/events-in-windows: \d+ events, 0 of them twice; 0 came after a later one/)
    expect(last.output()).toMatch(/events-by-cursor: \d+ events, 0 of them twice; [1-9]\d* came after a later one/)
    expect((await rowsOf('events-in-windows')).map(({ at }) => Date.parse(at))).toEqual(
      inWindows.map((id) => event(id).at),
    )
    expect(server.stats.byPath['/events']?.[413]).toBeGreaterThan(0)
  })
})

describe('10-ties', () => {
  interface Row {
    readonly branch: string
    readonly number: string
    readonly created_at: string
  }

  test('has every order of every time once, although batches end in the midst of one, over kills too', async () => {
    const server = await serve({ faults: { ...faults, rate: 0.02 } })
    const { path, env } = await place(server.url, 'ties')
    await killed(6, () => startExample('10-ties.ts', env), 250)
    const last = startExample('10-ties.ts', env)
    expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
    expect(last.output().match(/lost 0, twice 0/g)).toHaveLength(3)

    const rows = await committedRows<Row>(path)
    expect(await visibleRows(path)).toEqual(rows)
    const ids = rows.map(({ branch, number }) =>
      [0, 1, 2].map((rest) => Number(number) * 3 + rest).find((id) => order(id).branch === branch),
    ) as number[]
    const sorted = ids.toSorted(ascending)
    expect(sorted).toEqual(range(sorted[0]!, rows.length))
    expect(rows.length).toBeGreaterThan(1_000)
    const times = rows.map(({ created_at }) => created_at)
    expect(times).toEqual(times.toSorted())
    expect(times.filter((time) => time === times[500])).toHaveLength(20)
  })
})

describe('11-lost-answers', () => {
  test('nothing is lost and nothing is there twice, killed again and again', async () => {
    const { server, state, ids } = await serveLedger({}, { cutEvery: 10 })
    const { env } = await place(server.url, '')
    await killed(6, () => startExample('11-lost-answers.ts', env), 300)
    const last = startExample('11-lost-answers.ts', env)
    expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
    expect(last.output()).toContain('lost 0, twice 0\n')
    expect(ids().sort(ascending)).toEqual(range(minId, 50_000))
    const { requests, cut, repeated } = await state()
    expect(requests).toBe(560)
    expect(cut).toBeGreaterThanOrEqual(56)
    expect(repeated).toBeGreaterThanOrEqual(cut)

    const again = startExample('11-lost-answers.ts', env)
    expect(await again.ended, again.output()).toEqual({ code: 0, signal: null })
    expect(again.output()).not.toContain('Batch')
    expect(again.output()).toContain('lost 0, twice 0\n')
  })

  test('without the server that tests bring it starts its own, whose ledger outlives it', async () => {
    const { env } = await place('', '')
    const { SLUICE_EXAMPLE_API: _, ...own } = env
    const killedOne = startExample('11-lost-answers.ts', own)
    await killedOne.said('Batch 2')
    killedOne.kill('SIGKILL')
    await killedOne.ended
    const last = startExample('11-lost-answers.ts', own)
    expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
    expect(last.output()).toContain('Readings of a server on this machine')
    expect(last.output()).toMatch(/\n560 requests; .*\nlost 0, twice 0\n$/)
  })
})
