import { firstValueFrom } from 'rxjs'
import { zoneOf } from '../../../../src/connectors/records/zone.ts'
import type { HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { OpenAnswers } from '../../../../src/connectors/rest/pagination/run-watch.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import type { PageState } from '../../../../src/connectors/rest/pagination/types.ts'
import { cursorOf } from '../../../../src/connectors/rest/source/cursor.ts'
import type { CursorOptions } from '../../../../src/connectors/rest/source/cursor-options.ts'
import type { CursorOffset } from '../../../../src/connectors/rest/source/cursor-position.ts'
import { type CursorSlicing, cursorSlicing } from '../../../../src/connectors/rest/source/cursor-slicing.ts'
import type { Extract, PagesOptions, RowStep } from '../../../../src/connectors/rest/source/slicing.ts'
import { fromResult, type Result } from '../../../../src/result.ts'
import type { Schema } from '../../../../src/schema.ts'

/** An API over a table in memory, below HTTP: what a slicing asks for and what it gets. */
export interface TableApi<Row extends object> {
  readonly rows: readonly Row[]
  /** Rows a page; pages are cut anew at each request, so they move when rows do. @default 2 */
  readonly pageSize?: number
  /** @default the table's order */
  readonly order?: (a: Row, b: Row) => number
  /** Whether a row is what was asked for. */
  readonly where?: (row: Row, params: Readonly<Record<string, unknown>>) => boolean
  /** How its pages are asked for. @default 'single page': as if they didn't move */
  readonly paging?: string
  /** The most rows of a query; asking for a page beyond them is an error. */
  readonly cap?: number
  /** Called with each request, which is counted from 1; may throw or change the table. */
  readonly onRequest?: (count: number, request: HttpRequest, signal: AbortSignal) => void
}

export interface TableExtract<Row extends object> extends Extract<Row> {
  /** Parameters of each request, with its page from 0. */
  readonly asked: Readonly<Record<string, unknown>>[]
  /** Of each run, how many pages may be asked for ahead. */
  readonly ahead: number[]
}

export function tableExtract<Row extends object>(
  schema: Schema<Row>,
  api: TableApi<Row>,
  now: () => number = () => 0,
): TableExtract<Row> {
  const asked: Readonly<Record<string, unknown>>[] = []
  const ahead: number[] = []
  const { pageSize = 2, order, where = () => true, cap = Infinity, paging = 'single page', onRequest } = api
  /** A state's first row: pages by offset may begin anywhere. */
  const firstOf = (state: PageState): number => Number(state.offset ?? Number(state.page ?? 0) * pageSize)
  const ask = (request: HttpRequest, state: PageState, signal: AbortSignal) => {
    signal.throwIfAborted()
    const params = { ...request.params }
    const first = firstOf(state)
    asked.push({ ...params, page: first / pageSize })
    onRequest?.(asked.length, request, signal)
    if (first >= cap) throw new Error(`row ${first} is beyond the cap`)
    const found = api.rows.filter((row) => where(row, params))
    const sorted = order === undefined ? found : found.toSorted(order)
    const rows = sorted.slice(first, Math.min(first + pageSize, cap))
    // At the cap it says that there is no more.
    return { rows, isLast: first + pageSize >= Math.min(found.length, cap) }
  }
  async function* pages(
    request: HttpRequest,
    signal: AbortSignal,
    { prefetch = 1, start, overlap = false }: PagesOptions = {},
  ): AsyncGenerator<RowStep<Row>> {
    ahead.push(prefetch)
    let overlaps = false
    for (let state = start ?? (paging === 'offset' ? { offset: 0 } : { page: 0 }); ; ) {
      const { rows, isLast } = ask(request, state, signal)
      const page = { chunks: chunksOf(rows), state, overlaps, count: () => rows.length, isLast: () => isLast }
      yield { kind: 'page', ...page }
      if (isLast) return
      overlaps = paging === 'offset' && overlap && rows.length > 1
      state =
        paging === 'offset'
          ? { offset: firstOf(state) + rows.length - (overlaps ? 1 : 0) }
          : { page: Number(state.page) + 1 }
    }
  }
  const refuse = (): never => {
    throw new Error('not in this test')
  }
  return {
    owner: 'table',
    resource: { url: 'http://table', schema },
    fields: {},
    request: { url: 'http://table' },
    pagination: {
      ...singlePage(),
      name: paging,
      request: (state, base) => ({ ...base, params: { ...base.params, '~state': JSON.stringify(state) } }),
    },
    page: async ({ params: { '~state': state, ...params } = {}, ...request }, signal) => {
      const { rows } = ask({ ...request, params }, JSON.parse(String(state)), signal)
      return { chunks: chunksOf(rows), whole: true, end: refuse, discard: () => undefined }
    },
    rows: (items) => items as readonly Row[],
    pages,
    of: refuse,
    another: refuse,
    answer: refuse,
    open: new OpenAnswers(32),
    now,
    asked,
    ahead,
  }
}

async function* chunksOf<Row>(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  if (rows.length > 0) yield rows
}

export type TableSource<Row extends object> = CursorSlicing<Row> & Pick<TableExtract<Row>, 'asked' | 'ahead'>

/** A cursor over a table. */
export function tableCursor<Row extends object>(
  schema: Schema<Row>,
  options: CursorOptions<Row>,
  api: TableApi<Row>,
  { now = () => Date.UTC(2100, 0), timeZone }: { readonly now?: () => number; readonly timeZone?: string } = {},
): TableSource<Row> {
  const extract = tableExtract(schema, api, now)
  const zone = timeZone === undefined ? undefined : zoneOf(timeZone)
  return {
    ...cursorSlicing(extract, cursorOf('cursor', options, schema, { now, zone })),
    asked: extract.asked,
    ahead: extract.ahead,
  }
}

export function settled<T>(result: Result<T>): Promise<T> {
  return firstValueFrom(fromResult('port', () => result))
}

export interface ReadBatch<Row> {
  readonly start: CursorOffset
  readonly end: CursorOffset
  readonly rows: readonly Row[]
}

/** One batch from a position, planned and read; `undefined` when there is nothing new. */
export async function nextBatch<Row extends object>(
  source: CursorSlicing<Row>,
  start: CursorOffset,
  maxRows = 10_000,
): Promise<ReadBatch<Row> | undefined> {
  const end = await settled(source.stream.latestOffset(start, { maxRows, maxBytes: Infinity, maxFiles: Infinity }))
  // As the log gives it back.
  const [from, to] = JSON.parse(JSON.stringify([start, end])) as [CursorOffset, CursorOffset]
  if (source.stream.compare(to, from) < 0)
    throw new Error(`went back from ${JSON.stringify(from)} to ${JSON.stringify(to)}`)
  if (source.stream.partitions(from, to).length === 0) return undefined
  return { start: from, end: to, rows: await readRange(source, from, to) }
}

export async function readRange<Row extends object>(
  source: CursorSlicing<Row>,
  from: CursorOffset,
  to: CursorOffset,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const partition of source.stream.partitions(from, to)) {
    for await (const chunk of source.read(partition, new AbortController().signal)) rows.push(...chunk)
  }
  return rows
}

/** Batches until nothing is new. */
export async function allBatches<Row extends object>(
  source: CursorSlicing<Row>,
  start: CursorOffset = {},
  maxRows = 10_000,
): Promise<ReadBatch<Row>[]> {
  const batches: ReadBatch<Row>[] = []
  for (let at = start; ; ) {
    const batch = await nextBatch(source, at, maxRows)
    if (batch === undefined) return batches
    batches.push(batch)
    at = batch.end
    if (batches.length > 1_000) throw new Error('it does not end')
  }
}
