// Rows a second from an HTTP API through a whole query, side by side with a hand-written undici loop on the same server and concurrency, A B A B …
// The loop checks nothing of a row and has as many connections; each side begins with a heap without the other's garbage.
// Both are warmed up by a pass over all rows before the first round, so that compiling code and filling the server's cache count for neither. Beside the rates, the ratio of
// the processor's time: on a machine that others use it says more.
// Memory: the greatest heap and resident size, and the processor's time, of a process of its own for each of the two.
// node --expose-gc test/bench/http.ts [rounds] [rows]
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { lastValueFrom } from 'rxjs'
import { memoryCheckpoint, noop, read, schema } from 'sluice'
import { byIds, cursorPagination, rest } from 'sluice/rest'
import { Agent, request } from 'undici'

const versionOf = (name: string) =>
  createRequire(import.meta.url)(`${name}/package.json`) as { readonly version: string }
const [undici, rxjs] = [versionOf('undici'), versionOf('rxjs')]

import { report } from './harness/figure.ts'

interface Row {
  readonly id: number
  readonly name: string | null
  readonly amount: number | null
  readonly updated_at: Date
}

const [first = '5', size = '2000000', ...child] = process.argv.slice(2)
const rounds = Number(first)
const rows = Number(size)

async function byQuery(url: string, slices: number): Promise<number> {
  const source = rest({
    url: `${url}/rows`,
    schema: schema('id int not null, name string, amount double, updated_at timestamp not null'),
    records: 'items',
    pagination: cursorPagination({ param: 'cursor', next: 'next_cursor' }),
    partitions: byIds({
      params: { from: 'id_gte', to: 'id_lt' },
      max: async () => rows - 1,
      cut: slices,
    }),
  })
  const { numInputRows } = await lastValueFrom(
    read(source).write(noop(), { concurrency: slices, checkpoint: memoryCheckpoint() } as never),
  )
  return numInputRows
}

async function byHand(url: string, slices: number): Promise<number> {
  const agent = new Agent({ connections: 32 })
  const share = Math.ceil(rows / slices)
  let count = 0
  const slice = async (from: number, to: number): Promise<void> => {
    let cursor: string | undefined
    do {
      const query = `id_gte=${from}&id_lt=${to}${cursor === undefined ? '' : `&cursor=${cursor}`}`
      const { statusCode, body } = await request(`${url}/rows?${query}`, { dispatcher: agent })
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
      const page = (await body.json()) as { items: { updated_at: string }[]; next_cursor?: string }
      const out = page.items.map((item) => ({ ...item, updated_at: new Date(item.updated_at) })) as unknown as Row[]
      count += out.length
      cursor = page.next_cursor
    } while (cursor !== undefined)
  }
  await Promise.all(Array.from({ length: slices }, (_, i) => slice(i * share, Math.min(rows, (i + 1) * share))))
  await agent.close()
  return count
}

async function measured(run: () => Promise<number>): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  globalThis.gc?.()
  const [from, cpu] = [performance.now(), process.cpuUsage()]
  const count = await run()
  const ms = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  if (count !== rows) throw new Error(`read ${count} rows of ${rows}`)
  return { ms, cpuMs: (user + system) / 1_000 }
}

function summary(values: readonly number[], digits = 3): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(digits)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

async function startServer(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'http-server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const url of createInterface(server.stdout)) return { url, process: server }
  throw new Error('the server did not start')
}

async function memory(url: string, slices: number, way: string): Promise<void> {
  let heap = 0
  const timer = setInterval(() => {
    heap = Math.max(heap, process.memoryUsage().heapUsed)
  }, 5)
  const start = process.cpuUsage()
  await (way === 'query' ? byQuery(url, slices) : byHand(url, slices))
  const { user, system } = process.cpuUsage(start)
  clearInterval(timer)
  console.log(
    `${way}: processor ${((user + system) / 1000).toFixed(0)} ms, heap ${(heap / 2 ** 20).toFixed(0)} MiB, resident ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  )
}

const [url, slices, way] = child
if (url !== undefined) await memory(url, Number(slices), way ?? 'query')
else {
  const server = await startServer()
  const { body } = await request(`${server.url}/rows?id_gte=0&id_lt=${rows}`)
  const page = await body.text()
  const { items } = JSON.parse(page) as { readonly items: readonly unknown[] }
  console.log(
    `node ${process.version}, undici ${undici.version}, rxjs ${rxjs.version}; pages of ${items.length} rows, ${page.length} bytes each`,
  )
  console.log(
    `rows by the query / rows by hand, each ${rows} rows, ${rounds} rounds: min / median / max of the ratio of their rates`,
  )
  for (const partitions of [1, 8, 32]) {
    const ratios: number[] = []
    const cpuRatios: number[] = []
    const rates: number[] = []
    await byHand(server.url, partitions)
    await byQuery(server.url, partitions)
    for (let round = 0; round < rounds; round++) {
      const query = await measured(() => byQuery(server.url, partitions))
      const hand = await measured(() => byHand(server.url, partitions))
      ratios.push(hand.ms / query.ms)
      cpuRatios.push(hand.cpuMs / query.cpuMs)
      rates.push(rows / query.ms)
    }
    report(
      {
        name: `rows of an HTTP API, pages of 1,000, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
        against: 'an undici loop by hand',
        unit: 'of its speed',
        target: { atLeast: 0.9 },
        values: ratios,
        rows,
        batchRows: rows,
      },
      ['rxjs', 'undici'],
    )
    console.log(
      `${partitions} partitions: ${summary(ratios)}, of the processor's time ${summary(cpuRatios)}; query ${summary(rates, 0)} rows/ms`,
    )
  }
  for (const partitions of ['1', '32']) {
    for (const each of ['query', 'hand']) {
      const script = ['--expose-gc', import.meta.filename, first, size, server.url, partitions, each]
      const { stdout, stderr } = spawnSync(process.execPath, script, { encoding: 'utf8' })
      console.log(`${partitions} partitions, peak of ${stdout.trim()}${stderr}`)
    }
  }
  server.process.stdin?.end()
}
