// Serves rows that it computes, from a process of its own: GET /rows?id_gte=&id_lt=&cursor= → { "items": [ rows of a page ], "next_cursor": … }.
// node test/bench/http-server.ts [rows of a page]
// Prints its URL; ends with its standard input.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const pageRows = Number(process.argv[2] ?? 1_000)
const pages = new Map<string, Buffer>()

function page(from: number, to: number): Buffer {
  const key = `${from}-${to}`
  let body = pages.get(key)
  if (body === undefined) {
    const end = Math.min(to, from + pageRows)
    const items = Array.from({ length: end - from }, (_, i) => ({
      id: from + i,
      name: `customer ${from + i}`,
      amount: ((from + i) % 1000) / 8,
      updated_at: new Date(1_750_000_000_000 + (from + i) * 1000).toISOString(),
    }))
    body = Buffer.from(JSON.stringify({ items, ...(end < to && { next_cursor: String(end) }) }))
    pages.set(key, body)
  }
  return body
}

const server = createServer((request, response) => {
  const { searchParams: query } = new URL(request.url ?? '/', 'http://localhost')
  const from = Number(query.get('cursor') ?? query.get('id_gte') ?? 0)
  const to = Number(query.get('id_lt') ?? Number.MAX_SAFE_INTEGER)
  const body = page(from, to)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.stdin.resume().on('end', () => {
  server.closeAllConnections()
  server.close()
})
