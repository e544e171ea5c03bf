import {
  catchError,
  concatMap,
  defer,
  exhaustMap,
  filter,
  from,
  ignoreElements,
  map,
  type Observable,
  type OperatorFunction,
  of,
  Subject,
  takeUntil,
  tap,
  toArray,
} from 'rxjs'
import { bindPorts } from '../src/bind-ports.ts'
import { PortError } from '../src/errors.ts'
import type { QueryEventBody, SourceLag } from '../src/events.ts'
import { labelText } from '../src/label-text.ts'
import { canonicalOffset, copyOffset } from '../src/offset.ts'
import { sourceOffset } from '../src/progress.ts'
import { fromResult } from '../src/result.ts'
import type { ReaderBase } from '../src/source.ts'

type Planned = Extract<QueryEventBody, { readonly type: 'planned' }>

/**
 * Asks the source for its head when a batch has been planned, and tells how far it is ahead of the batch's end.
 *
 * Nobody waits for it: the batch goes on meanwhile, and an answer that is still missing when the events end is not waited for either.
 * While one is under way no other is asked for, so a slow source leaves batches out. A head that can't be had is a warning.
 * **Hazard**: one more request a batch, beside its reads.
 *
 * ```
 * events     p---p-------p---|     (p: planned)
 * head       -x|                   (asked for the first)
 *                -------x|         (for the second; the third comes meanwhile)
 * result     -l---------l----|
 * ```
 *
 * @param reader without `reportLatestOffset` or `distance` it isn't asked: who can't count the rows may have to read them all to find the last.
 * @param sources names, several in a union: each is told of by itself.
 * @returns an Observable of `lag` and `warning` events, to be merged into the run's. Fails with the source of events only.
 */
export function reportLag<Offset extends object>(
  reader: Pick<ReaderBase<Offset, never, never>, 'reportLatestOffset' | 'distance' | 'distances'>,
  sources: readonly string[],
): OperatorFunction<QueryEventBody, QueryEventBody> {
  const { reportLatestOffset, distance, distances } = bindPorts(reader, ['reportLatestOffset', 'distance', 'distances'])
  if (reportLatestOffset === undefined || distance === undefined) return ignoreElements()

  const lagOf = (source: string, head: Offset, end: Offset): Observable<SourceLag> => {
    const latestOffset = sourceOffset(head, source, sources)
    // Of a union the other sources stay where they are, so that only the rows of this one are counted.
    const reached = sources.length === 1 ? head : { ...end, [source]: latestOffset }
    return fromResult('distance', () => distance(end, reached)).pipe(
      map((rows) => ({ source, latestOffset, rows: rowsOf('distance', rows) })),
    )
  }
  const lagsOf = (head: Offset, end: Offset): Observable<readonly SourceLag[]> => {
    if (distances === undefined)
      return from(sources).pipe(
        concatMap((source) => lagOf(source, head, end)),
        toArray(),
      )
    return fromResult('distances', () => distances(end, head)).pipe(
      map((byLabel) => {
        const entries = Object.entries(byLabel).map(([label, rows]) => [label, rowsOf('distances', rows)] as const)
        return sources.map((source): SourceLag => {
          const own = entries.filter(([label]) => sourceOf(label, sources) === source)
          const rows = own.reduce((sum, [, behind]) => sum + behind, 0)
          return { source, latestOffset: sourceOffset(head, source, sources), rows, partitions: labelled(own) }
        })
      }),
    )
  }
  const ask = ({ batchId, end }: Planned) =>
    fromResult('reportLatestOffset', reportLatestOffset).pipe(
      tap((head) => canonicalOffset(head, 'reportLatestOffset')),
      map((head) => copyOffset(head)),
      concatMap((head) => lagsOf(head, end as Offset)),
      map((lags): QueryEventBody => ({ type: 'lag', batchId, sources: lags })),
      catchError((error: unknown) =>
        of<QueryEventBody>({ type: 'warning', message: `the lag of batch ${batchId} is not known`, error }),
      ),
    )

  return (events) =>
    defer(() => {
      const over$ = new Subject<void>()
      return events.pipe(
        filter((event): event is Planned => event.type === 'planned'),
        tap({ complete: () => over$.next() }),
        exhaustMap(ask),
        takeUntil(over$),
      )
    })
}

function rowsOf(port: string, rows: number): number {
  if (Number.isFinite(rows)) return Math.max(0, rows)
  throw new PortError(`${port} must answer with a number, and it answered with ${String(rows)}`)
}

/** Whose partition has this label: in a union it begins with the source's name, of which one may begin like another. */
function sourceOf(label: string, sources: readonly string[]): string | undefined {
  if (sources.length === 1) return sources[0]
  const owners = sources.filter((source) => label === source || label.startsWith(`${source}/`))
  return owners.toSorted((a, b) => b.length - a.length)[0]
}

/** By the labels that their attempts have. */
function labelled(entries: readonly (readonly [string, number])[]): Readonly<Record<string, number>> {
  return Object.fromEntries(entries.map(([label, rows]) => [labelText(label), rows]))
}
