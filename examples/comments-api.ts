import { forwardClock } from './forward-clock.ts'
import { answers } from './http.ts'
import { startServer } from './server/server.ts'

const jsonPlaceholder = 'https://jsonplaceholder.typicode.com/comments'

export interface CommentRow {
  readonly id: number
  readonly title: string | null
  readonly body: string | null
}

/** An API with `_start`, `_limit` and `x-total-count`, and how its rows are read. */
export async function commentsApi(clockFile: string) {
  const { SLUICE_EXAMPLE_API: given, SLUICE_EXAMPLE_OFFLINE: offline } = process.env
  const close = async () => {}
  if (given !== undefined) return { url: `${given}/strikes`, toRow: fromStrike, close }
  if (offline === undefined && (await answers(`${jsonPlaceholder}?_start=0&_limit=1`)))
    return { url: jsonPlaceholder, toRow: fromComment, close }
  // A row comes with each hour of the server's clock, here every two seconds.
  const server = await startServer({ now: forwardClock(clockFile, 1_800) })
  return { url: `${server.url}/strikes`, toRow: fromStrike, close: server.close }
}

function fromComment(row: object): CommentRow {
  const { id, name, body } = row as { id: number; name: string; body: string }
  return { id, title: name, body }
}

function fromStrike(row: object): CommentRow {
  const strike = row as { readonly id: number; readonly [column: string]: string | number | null }
  const text = (column: string) => strike[column]?.toString() ?? null
  return { id: strike.id, title: text('Airport Name'), body: text('Wildlife Species') }
}
