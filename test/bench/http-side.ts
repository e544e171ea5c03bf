// One side of http.ts, in a process of its own: reads all rows each time it is told to, and tells what that took.
// node --expose-gc test/bench/http-side.ts <query|hand> <url> <partitions> <rows>, with an IPC channel
import { lastValueFrom } from 'rxjs'
import { noop, read, schema } from 'sluice'
import { byIds, cursorPagination, rest } from 'sluice/rest'
import { Agent, request } from 'undici'

/** What a run took. */
export interface Took {
  readonly ms: number
  /** Of the processor, all threads. */
  readonly cpuMs: number
  /** MiB of this process, since it began. */
  readonly residentMiB: number
}

interface Row {
  readonly id: number
  readonly name: string | null
  readonly amount: number | null
  readonly updated_at: Date
}

async function byQuery(url: string, slices: number, rows: number): Promise<number> {
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
  const { numInputRows } = await lastValueFrom(read(source).write(noop(), { concurrency: slices }))
  return numInputRows
}

async function byHand(url: string, slices: number, rows: number): Promise<number> {
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

async function measured(run: () => Promise<number>, rows: number): Promise<Took> {
  globalThis.gc?.({ type: 'minor' })
  const [from, cpu] = [performance.now(), process.cpuUsage()]
  const count = await run()
  const ms = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  if (count !== rows) throw new Error(`read ${count} rows of ${rows}`)
  return { ms, cpuMs: (user + system) / 1_000, residentMiB: process.resourceUsage().maxRSS / 1_024 }
}

const [way, url = '', partitions, size] = process.argv.slice(2)
const rows = Number(size)
const run = way === 'query' ? byQuery : byHand
process.on('message', async () => {
  process.send?.(await measured(() => run(url, Number(partitions), rows), rows))
})
