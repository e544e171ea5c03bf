// Rows a second from an HTTP API through a whole query, beside a hand-written undici loop on the same server and with as many connections.
// The loop checks nothing of a row. Each side runs in a process of its own, so that neither meets code that the other made general, or its garbage; they take turns, each first in every other round,
// after a pass over all rows that compiles code and fills the server's cache. Three times over with new processes: how one happened to compile its code belongs to the spread. Beside the ratio of the rates that of the processor's time: on a machine that others use it says more.
// node --expose-gc test/bench/http.ts [rounds] [rows] [partitions,…] [rows of a page]
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { request } from 'undici'
import { report, versionsOf } from './harness/figure.ts'
import type { Took } from './http-side.ts'

const [first = '2', size = '2000000', cuts = '1,8,32', pageRows = '1000'] = process.argv.slice(2)
const rounds = Number(first)
const rows = Number(size)
const pairs = 3

const ways = ['query', 'hand'] as const
type Way = (typeof ways)[number]

function summary(values: readonly number[], digits = 3): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(digits)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

async function startServer(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'http-server.ts'), pageRows], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const url of createInterface(server.stdout)) return { url, process: server }
  throw new Error('the server did not start')
}

async function turn(side: ChildProcess): Promise<Took> {
  side.send('run')
  const [took] = await Promise.race([
    once(side, 'message'),
    once(side, 'exit').then(() => Promise.reject(new Error('a side ended'))),
  ])
  return took as Took
}

async function compare(url: string, partitions: number): Promise<void> {
  const side = (way: Way): ChildProcess =>
    fork(join(import.meta.dirname, 'http-side.ts'), [way, url, String(partitions), size], {
      execArgv: ['--expose-gc'],
    })
  const took: Record<Way, Took[]> = { query: [], hand: [] }
  for (let pair = 0; pair < pairs; pair++) {
    const sides = { query: side('query'), hand: side('hand') }
    for (let round = -1; round < rounds; round++) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const one = await turn(sides[way])
        if (round >= 0) took[way].push(one)
      }
    }
    for (const one of Object.values(sides)) one.disconnect()
  }

  const of = (way: Way, what: keyof Took): number[] => took[way].map((one) => one[what])
  const ratios = (what: keyof Took): number[] =>
    of('hand', what).map((hand, i) => hand / (of('query', what)[i] as number))
  report(
    {
      name: `rows of an HTTP API, pages of ${Number(pageRows).toLocaleString('en')}, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
      against: 'an undici loop by hand',
      unit: 'of its speed',
      target: { atLeast: 0.9 },
      values: ratios('ms'),
      rows,
      batchRows: rows,
    },
    ['rxjs', 'undici'],
  )
  console.log(`${partitions} partitions: ${summary(ratios('ms'))}, of the processor's time ${summary(ratios('cpuMs'))}`)
  for (const way of ways) {
    console.log(
      `  ${way}: ${summary(of(way, 'ms'), 0)} ms, processor ${summary(of(way, 'cpuMs'), 0)} ms, resident at most ${Math.max(...of(way, 'residentMiB')).toFixed(0)} MiB`,
    )
  }
}

const server = await startServer()
const { body } = await request(`${server.url}/rows?id_gte=0&id_lt=${rows}`)
const page = await body.text()
const { items } = JSON.parse(page) as { readonly items: readonly unknown[] }
const versions = Object.entries(versionsOf(['undici', 'rxjs'])).map(([name, version]) => `${name} ${version}`)
console.log(`${versions.join(', ')}; pages of ${items.length} rows, ${page.length} bytes`)
console.log(
  `rows by the query / rows by hand, each ${rows} rows, ${pairs} × ${rounds} rounds: min / median / max of the ratio of their rates`,
)
for (const partitions of cuts.split(',').map(Number)) await compare(server.url, partitions)
server.process.stdin?.end()
