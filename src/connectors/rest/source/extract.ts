import { itemRow } from '../../records/item-row.ts'
import type { HttpClient, HttpRequest } from '../http/types.ts'
import { automatic } from '../pagination/automatic.ts'
import { nextState } from '../pagination/following.ts'
import { fetchPage, paginate } from '../pagination/paginate.ts'
import type { OpenAnswers } from '../pagination/run-watch.ts'
import type { Page } from '../pagination/types.ts'
import type { PageOptions } from '../records/page-options.ts'
import { type Fields, filled } from './fields.ts'
import { hasDecimals, type ResourceOptions, requestRules, textColumns, zoneOption } from './resource.ts'
import type { Extract } from './slicing.ts'

/** What all extracts of a reader share. */
export interface Connection {
  /** Begins errors. */
  readonly owner: string
  readonly client: HttpClient
  readonly open: OpenAnswers
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A resource behind a client. @throws OptionError for a time zone that nobody knows. */
export function extractOf<Row extends object>(connection: Connection, resource: ResourceOptions<Row>): Extract<Row> {
  const { owner, client, open, now } = connection
  const { schema, pagination = automatic() } = resource
  const body: PageOptions = {
    ...pick(resource, ['records', 'format', 'csv', 'bufferBytes']),
    exactDecimals: schema.fields.some(({ type }) => hasDecimals(type)),
    // Of the items that a function makes rows of, nobody knows which numbers become texts.
    exactTexts: resource.row === undefined ? textColumns(schema) : undefined,
  }
  const limits = pick(resource, ['maxPages', 'maxEmptyPages', 'allowEqualPages'])
  const base = pick<HttpRequest, keyof HttpRequest>(resource, Object.keys(requestRules) as (keyof HttpRequest)[])
  const makeRow = rowMaker(owner, resource)

  const about = (fields: Fields): Extract<Row> => {
    const toRow = makeRow(fields)
    const rows = (items: readonly unknown[]): readonly Row[] => items.map(toRow)
    return {
      owner,
      resource,
      fields,
      get request() {
        return filled(base, fields)
      },
      pagination,
      page: (request, signal) => fetchPage(client, request, body, signal),
      rows,
      async *pages(request, signal, { first, prefetch = 1, start, overlap = false, watch } = {}) {
        const asked = first === undefined ? client : answeredOnce(client, first)
        const run = { pagination, body, signal, prefetch, overlap, watch, ...limits, ...(start && { start }) }
        for await (const step of paginate(asked, request, run)) {
          if (step.kind === 'reset') {
            yield step
            continue
          }
          const { page, state, overlaps } = step
          yield {
            kind: 'page',
            state,
            overlaps,
            chunks: eachChunk(page.chunks, rows),
            count: () => page.end().count,
            isLast: () => nextState(pagination, state, page.end()) === undefined,
          }
        }
      },
      answer: async (request, signal) => {
        const page = await fetchPage(client, request, { records: () => [], format: 'json' }, signal)
        return page.end()
      },
      of: (others) => about({ ...fields, ...others }),
      another: (other) => extractOf(connection, { ...pick(resource, ['headers']), ...other }),
      open,
      now,
    }
  }
  return about({})
}

/** No generator, which would keep the rows that it gave last while the next page is waited for. */
function eachChunk<Row>(
  chunks: AsyncIterable<readonly unknown[]>,
  rows: (items: readonly unknown[]) => readonly Row[],
): AsyncIterable<readonly Row[]> {
  return {
    [Symbol.asyncIterator]() {
      const from = chunks[Symbol.asyncIterator]()
      return {
        async next() {
          const { done, value } = await from.next()
          return done === true ? { done, value: undefined } : { done: false, value: rows(value) }
        },
        async return() {
          await from.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

/** Makes rows of items that are about something. */
function rowMaker<Row extends object>(
  owner: string,
  resource: ResourceOptions<Row>,
): (fields: Fields) => (item: unknown) => Row {
  const { schema, row, epoch = {} } = resource
  // What an item is was said by whoever wrote `row`.
  if (row !== undefined) return (fields) => (item) => row(item as never, fields)
  // Whether it is a row shows where rows are held against their schema.
  const convert = itemRow(schema, { epoch, zone: zoneOption(owner, resource) }) as (item: unknown) => Row
  return (fields) => {
    const columns = Object.fromEntries(
      Object.entries(fields).filter(([name]) => schema.fields.some((column) => column.name === name)),
    )
    if (Object.keys(columns).length === 0) return convert
    return (item) => convert(isObject(item) ? { ...columns, ...item } : item)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A client whose first answer is a page that is there already. */
function answeredOnce(client: HttpClient, page: Page): HttpClient {
  let answer: Page | undefined = page
  return {
    close: () => client.close(),
    send: <T>(...args: Parameters<typeof client.send<T>>): Promise<T> => {
      if (answer === undefined) return client.send<T>(...args)
      const first = Promise.resolve(answer as T)
      answer = undefined
      return first
    },
  }
}

/** The named properties, as far as they are there. */
function pick<T extends object, Name extends keyof T>(object: T, names: readonly Name[]): Pick<T, Name> {
  const entries = names.filter((name) => object[name] !== undefined).map((name) => [name, object[name]])
  return Object.fromEntries(entries) as Pick<T, Name>
}
