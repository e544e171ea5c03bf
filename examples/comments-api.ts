import { type ChosenApi, chooseApi } from './choose-api.ts'

export interface CommentRow {
  readonly id: number
  readonly title: string | null
  readonly body: string | null
}

/** An API with `_start`, `_limit` and `x-total-count`, and how its rows are read. */
export interface CommentsApi extends ChosenApi {
  readonly toRow: (row: object) => CommentRow
}

/** JSONPlaceholder's comments where they can be reached, else the bundled server's bird strikes: one more with each hour of its clock. */
export async function commentsApi(clockFile: string): Promise<CommentsApi> {
  const api = await chooseApi({
    live: 'https://jsonplaceholder.typicode.com',
    probe: '/comments?_start=0&_limit=1',
    instead: 'recorded bird strikes',
    speed: 1_800,
    clockFile,
  })
  return api.kind === 'live'
    ? { ...api, url: `${api.url}/comments`, toRow: fromComment }
    : { ...api, url: `${api.url}/strikes`, toRow: fromStrike }
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
