import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * An API in a process of its own: rows by `since` (a time in whole seconds, of which many rows have the same), with three paginations over the same list.
 * Prints its URL, then a line for each request; ends with its standard input.
 */
export const total = 240
const perSecond = 7
const pageRows = 10
const rows = Array.from({ length: total }, (_, id) => ({
  id,
  at: new Date(Date.UTC(2026, 0, 1) + Math.floor(id / perSecond) * 1_000).toISOString(),
}))

if (import.meta.main) {
  const server = createServer((request, response) => {
    console.log('asked')
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://api')
    const found = rows.filter(({ at }) => at >= (query.get('since') ?? ''))
    const from = Number(query.get('token') ?? query.get('offset') ?? 0)
    const items = found.slice(from, from + (pathname === '/offset' ? Number(query.get('limit')) : pageRows))
    const more = from + pageRows < found.length
    const next = new URLSearchParams({ since: query.get('since') ?? '', token: String(from + pageRows) })
    const link = pathname === '/url' ? `/url?${next}` : from + pageRows
    const body = JSON.stringify({ items, next: more ? link : null })
    // Slow enough that a kill meets pages under way.
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(body), 2)
  })
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  process.stdin.resume().on('end', () => {
    server.closeAllConnections()
    server.close()
  })
}
