import { PortError } from '../../../errors.ts'
import type { HttpRequest } from '../http/types.ts'
import type { RunWatch } from '../pagination/run-watch.ts'
import type { PageState } from '../pagination/types.ts'
import type { Extract, RowStep } from './slicing.ts'

/** So often it is gone back without a row that is new. */
const maxStepsBack = 100

/**
 * The pages of a request whose pagination goes by offset or number, so that they move when rows do: a row that leaves a page which was read pulls the first of the next one into it,
 * out of sight. So each page after the first has to show that nothing moved before it: it begins with a row that was taken before; or, where pages can't overlap,
 * the page before has, asked for again, none but such rows. Else it is gone back a page.
 * @param isTaken whether a row was taken; rows of one page are, before the next one is asked for.
 * @throws PortError when rows move faster than they are read.
 */
export async function* steadyPages<Row extends object>(
  extract: Extract<Row>,
  request: HttpRequest,
  isTaken: (row: Row) => boolean,
  signal: AbortSignal,
  watch?: RunWatch,
): AsyncGenerator<RowStep<Row>> {
  const before: PageState[] = []
  let stepsBack = 0
  const moved = async (rows: readonly Row[], overlaps: boolean): Promise<boolean> => {
    const [first] = rows
    if (first !== undefined && isTaken(first)) return false
    const last = before.at(-1)
    if (overlaps || last === undefined) return true
    return !(await rowsAt(extract, request, last, signal)).every(isTaken)
  }

  for (let start: PageState | undefined; ; ) {
    let isMoved = false
    // A page that it was gone back to has none before it that could be asked for again.
    let isStart = true
    for await (const step of extract.pages(request, signal, { prefetch: 0, overlap: true, start, watch })) {
      if (step.kind === 'reset') {
        // The API lost the pagination: it would begin again where this run did, which need not be the first page.
        isMoved = true
        before.length = 0
        break
      }
      if (before.length === 0) {
        before.push(step.state)
        yield step
        isStart = false
        continue
      }
      const rows: Row[] = []
      for await (const chunk of step.chunks) for (const row of chunk) rows.push(row)
      isMoved = await moved(rows, step.overlaps || isStart)
      if (isMoved) break
      isStart = false
      if (!rows.every(isTaken)) stepsBack = 0
      before.push(step.state)
      yield { ...step, chunks: chunksOf(rows) }
    }
    if (!isMoved) return
    if (++stepsBack > maxStepsBack) {
      throw new PortError(
        `${extract.owner}: rows leave the pages faster than these are read; ask for larger pages or a finer granularity, or set the cursor's "cap" to Infinity if rows don't change`,
      )
    }
    start = before.pop()
    if (before.length === 0) start = undefined
    yield { kind: 'reset', items: 0 }
  }
}

async function rowsAt<Row extends object>(
  extract: Extract<Row>,
  request: HttpRequest,
  state: PageState,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const page = await extract.page(extract.pagination.request(state, request), signal)
  const rows: Row[] = []
  for await (const items of page.chunks) for (const row of extract.rows(items)) rows.push(row)
  return rows
}

async function* chunksOf<Row>(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  if (rows.length > 0) yield rows
}
