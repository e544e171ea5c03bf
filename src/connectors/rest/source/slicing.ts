import { PortError } from '../../../errors.ts'
import type { Result } from '../../../result.ts'
import type { ReplayableReader } from '../../../source.ts'
import type { HttpRequest } from '../http/types.ts'
import type { OpenAnswers, RunWatch } from '../pagination/run-watch.ts'
import type { Page, PageEnd, PageState, Pagination } from '../pagination/types.ts'
import type { Fields } from './fields.ts'
import type { ResourceOptions } from './resource.ts'

/** A step of a run over pages: rows, pulled; or that the run begins again at the first page, and rows that came before may come again. */
export type RowStep<Row extends object> =
  | {
      readonly kind: 'page'
      readonly chunks: AsyncIterable<readonly Row[]>
      readonly state: PageState
      /** Whether it was asked for from the last row of the page before. */
      readonly overlaps: boolean
      /** Raw items of the page, once it was read to its end. */
      readonly count: () => number
      /** Whether it says that there is no page after it; once it was read to its end. */
      readonly isLast: () => boolean
    }
  | { readonly kind: 'reset'; readonly items: number }

/** How the pages of a request are asked for. */
export interface PagesOptions {
  /** The first page, where it is there already. */
  readonly first?: Page
  /** Pages that are asked for ahead. @default 1 */
  readonly prefetch?: 0 | 1
  /** Where to begin. @default with the first page */
  readonly start?: PageState | undefined
  /** Whether pages are to overlap by a row, where the pagination can do that. @default false */
  readonly overlap?: boolean
  /** For whoever keeps the run open while nobody reads it. */
  readonly watch?: RunWatch | undefined
}

/** What a source is asked for, and how: what all slicings have in common. Stateless, and shared by all partitions. */
export interface Extract<Row extends object> {
  /** Begins errors. */
  readonly owner: string
  readonly resource: ResourceOptions<Row>
  /** What it is about; fills `{name}` in requests. */
  readonly fields: Fields
  /** The request that a slicing adds its part to. */
  readonly request: HttpRequest
  readonly pagination: Pagination
  /** One page of items. */
  readonly page: (request: HttpRequest, signal: AbortSignal) => Promise<Page>
  /** Makes rows of items. */
  readonly rows: (items: readonly unknown[]) => readonly Row[]
  /** The pages of a request, one after the other. Each is to be read to its end. */
  readonly pages: (request: HttpRequest, signal: AbortSignal, options?: PagesOptions) => AsyncIterable<RowStep<Row>>
  /** One answer whose body isn't rows; all of it is the envelope. */
  readonly answer: (request: HttpRequest, signal: AbortSignal) => Promise<PageEnd>
  /** The same for one thing of a list. */
  readonly of: (fields: Fields) => Extract<Row>
  /** Another resource of the same API: the same client, and the same headers where it has none of its own. */
  readonly another: <Other extends object>(resource: ResourceOptions<Other>) => Extract<Other>
  /** Of all that the client is asked. */
  readonly open: OpenAnswers
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Positions of a stream: a reader without its `read`. */
export type StreamPart<Offset extends object, Partition> = Omit<
  ReplayableReader<Offset, Partition, object>,
  'read' | 'kind' | 'available' | 'stop' | 'partitionKey' | 'compare'
> & { readonly compare: (a: Offset, b: Offset) => number }

/** How the rows of a source are cut: positions, the request of a partition, and which rows lie in it. */
export interface Slicing<Offset extends object, Partition, Row extends object> {
  /** Absent where the source has no positions: it can only be read from end to end. */
  readonly stream?: StreamPart<Offset, Partition>
  /** The partitions of everything that is there. */
  readonly all: () => Result<readonly Partition[]>
  /** The rows of a partition. */
  readonly read: (partition: Partition, signal: AbortSignal) => AsyncIterable<readonly Row[]>
  readonly partitionKey?: (partition: Partition) => string
  /** At the end of a run: forgets what is kept and aborts what is under way. */
  readonly close?: () => void
}

/**
 * All rows of a request, page by page.
 * @throws PortError (retryable) when the run begins again after rows were given: they would come twice, and the next attempt begins with none.
 */
export async function* rowsOf<Row extends object>(
  { owner, pages }: Pick<Extract<Row>, 'owner' | 'pages'>,
  request: HttpRequest,
  signal: AbortSignal,
  options: PagesOptions = {},
): AsyncGenerator<readonly Row[]> {
  for await (const step of pages(request, signal, options)) {
    if (step.kind === 'page') yield* step.chunks
    else if (step.items > 0) {
      throw Object.assign(
        new PortError(
          `${owner}: the API lost the pagination after ${step.items} rows; they are asked for again from the first page`,
        ),
        { retryable: true },
      )
    }
  }
}
