import { concat, concatMap, from, ignoreElements, map, merge, type Observable, of, reduce, toArray } from 'rxjs'
import { bindPorts } from './bind-ports.ts'
import { checkReader } from './check-ports.ts'
import type { StreamSource } from './data-source.ts'
import { OffsetRegressionError, OptionError } from './errors.ts'
import { sameOffset } from './offset.ts'
import { fromCommand, fromResult, type Result } from './result.ts'
import { settleAll } from './settle-all.ts'
import { journalPort, type ReadLimit, type ReplayableReader, type StreamReader } from './source.ts'
import { type JournaledChild, unionJournal } from './union-journal.ts'

/** A position for each source, by its name in the union. */
export type UnionOffset = { readonly [name: string]: object }

/** A slice of one of the sources. */
export interface UnionPartition {
  readonly source: string
  readonly partition: unknown
}

// What a source's own types are is its own business: its offsets and partitions come back to it as it gave them.
type AnySource = { readonly name: string; readonly streamReader: () => unknown }
type AnyReader<Row extends object> = ReplayableReader<object, unknown, Row>
type Child<Row extends object> = readonly [name: string, reader: AnyReader<Row>]

type RowOf<Source> = Source extends { readonly streamReader: () => StreamReader<infer _O, infer _P, infer Row> }
  ? Row
  : never
/** From all sources together; where that gives none, for their offsets are of different kinds, from one after the other. */
type RowsOf<Sources> = [JointRow<Sources[keyof Sources]>] extends [never]
  ? { [Name in keyof Sources]: RowOf<Sources[Name]> }[keyof Sources]
  : JointRow<Sources[keyof Sources]>
type JointRow<Source> = [Source] extends [{ readonly streamReader: () => StreamReader<infer _O, infer _P, infer Row> }]
  ? Row
  : never

/**
 * Several sources as one: `union({ eu: orders({ url: eu }), us: orders({ url: us }) })`. A batch is atomic over all of them.
 *
 * The names are stored in the checkpoint, which is refused when they change. A limit is shared out evenly, one row each at least.
 * Queues must be journaled, because a batch of theirs can't be read again.
 *
 * @throws OptionError without sources, for a name that is empty or a number; at start, for a queue that isn't journaled.
 */
export function union<const Sources extends Readonly<Record<string, AnySource>>>(
  sources: Sources,
): StreamSource<UnionOffset, UnionPartition, RowsOf<Sources>> & { readonly sources: readonly string[] } {
  const names = Object.keys(sources)
  if (names.length === 0) throw new OptionError('union: it needs at least one source')
  for (const name of names) {
    if (/^\d*$/.test(name))
      throw new OptionError(`union: a source's name must be a word, and this is ${JSON.stringify(name)}`)
  }
  return {
    name: 'union',
    sources: names,
    streamReader: () =>
      unionReader(
        Object.entries(sources).map(([name, source]): Child<RowsOf<Sources>> => {
          const reader = source.streamReader() as StreamReader<object, unknown, RowsOf<Sources>>
          checkReader(name, reader)
          if (reader.kind === 'acked')
            throw new OptionError(`union: ${JSON.stringify(name)} is a queue, and must be journaled here`)
          return [name, reader]
        }),
      ),
  }
}

function unionReader<Row extends object>(
  children: readonly Child<Row>[],
): ReplayableReader<UnionOffset, UnionPartition, Row> {
  const readers = new Map(children)
  const readerOf = (name: string): AnyReader<Row> => {
    const reader = readers.get(name)
    if (reader === undefined) throw new OptionError(`union: there is no source ${JSON.stringify(name)}`)
    return reader
  }
  const offsets = (port: string, ask: (child: Child<Row>, index: number) => Result<object>): Observable<UnionOffset> =>
    inOrder(children, port, ask).pipe(
      map((answers) => Object.fromEntries(children.map(([name], i) => [name, answers[i] as object]))),
    )
  const bound = children.map(([, reader]) =>
    bindPorts(reader, ['reportLatestOffset', 'compare', 'distance', 'distances']),
  )
  const heads = bound.map(({ reportLatestOffset }) => reportLatestOffset)
  const orders = bound.map(({ compare }) => compare)
  const distanceOf = bound.map(({ distance }) => distance)
  const journals = children.filter((child): child is JournaledChild<Row> => child[1][journalPort] !== undefined)
  const journal = unionJournal(journals)

  return {
    initialOffset: () => offsets('initialOffset', ([, reader]) => reader.initialOffset()),
    latestOffset: (start, limit) =>
      offsets('latestOffset', ([name, reader], index) =>
        advanced(name, reader, at(start, name), share(limit, children.length, index)),
      ),
    partitions: (start, end) =>
      from(children.filter(([name]) => !sameOffset(at(start, name), at(end, name)))).pipe(
        concatMap(([source, reader]) =>
          fromResult('partitions', () => reader.partitions(at(start, source), at(end, source))).pipe(
            map((partitions) => partitions.map((partition): UnionPartition => ({ source, partition }))),
          ),
        ),
        reduce((all: readonly UnionPartition[], some) => [...all, ...some], []),
      ),
    read: ({ source, partition }, context) => readerOf(source).read(partition, context),
    partitionKey: ({ source, partition }) => labelIn(source, readerOf(source).partitionKey?.(partition)),
    commit: (end) => all(children, ([name, reader]) => reader.commit?.(at(end, name))),
    stop: () =>
      settleAll(
        children.map(([, reader]) => fromCommand(() => reader.stop?.())),
        1,
      ),
    defaultLimit: unionDefault(children.map(([, { defaultLimit }]) => defaultLimit)),
    available: merge(...children.map(([, { available = of() }]) => available)),
    ...(orders.every((order) => order !== undefined) && {
      compare: (a: UnionOffset, b: UnionOffset) => {
        const signs = children.map(([name], i) => orders[i]?.(at(a, name), at(b, name)) ?? 0)
        return signs.find((sign) => sign < 0) ?? Math.max(...signs)
      },
    }),
    ...(distanceOf.every((distance) => distance !== undefined) && {
      distance: (a: UnionOffset, b: UnionOffset) =>
        inOrder(children, 'distance', ([name], i) => distanceOf[i]?.(at(a, name), at(b, name)) ?? 0).pipe(
          map((rows) => rows.reduce((sum, some) => sum + some, 0)),
        ),
      // By label: of a source that can't tell its partitions apart it is the source's own, under its name.
      distances: (a: UnionOffset, b: UnionOffset) =>
        inOrder(children, 'distances', ([name], i) =>
          distancesIn(name, bound[i] as Distances, at(a, name), at(b, name)),
        ).pipe(map((byLabel) => Object.fromEntries(byLabel.flatMap((some) => Object.entries(some))))),
    }),
    ...(heads.every((head) => head !== undefined) && {
      reportLatestOffset: () => offsets('reportLatestOffset', (_, i) => (heads[i] as () => Result<object>)()),
    }),
    ...(children.some(([, { repeatable }]) => repeatable === false) && { repeatable: false }),
    ...(journal === undefined ? {} : { [journalPort]: journal }),
  }
}

type Distances = Pick<ReplayableReader<object, unknown, object>, 'distance' | 'distances'>

/** A partition's label in the union; of a source without labels it is the source's name. */
function labelIn(source: string, key: string | undefined): string {
  return key === undefined ? source : `${source}/${key}`
}

function distancesIn(
  source: string,
  { distance, distances }: Distances,
  from: object,
  to: object,
): Observable<Readonly<Record<string, number>>> {
  if (distances === undefined)
    return fromResult('distance', () => distance?.(from, to) ?? 0).pipe(map((rows) => ({ [source]: rows })))
  return fromResult('distances', () => distances(from, to)).pipe(
    map((byKey) => Object.fromEntries(Object.entries(byKey).map(([key, rows]) => [labelIn(source, key), rows]))),
  )
}

/** A source's own order is asked here, because the union has one only if all sources have. */
function advanced<Row extends object>(
  name: string,
  reader: AnyReader<Row>,
  start: object,
  limit: ReadLimit,
): Observable<object> {
  return fromResult(`latestOffset of ${name}`, () => reader.latestOffset(start, limit)).pipe(
    map((end) => {
      if (reader.compare === undefined || reader.compare(end, start) >= 0) return end
      throw new OffsetRegressionError(
        `latestOffset of ${name} went back from ${JSON.stringify(start)} to ${JSON.stringify(end)}`,
      )
    }),
  )
}

/** Asks one source after the other. */
function inOrder<Row extends object, T>(
  children: readonly Child<Row>[],
  port: string,
  ask: (child: Child<Row>, index: number) => Result<T>,
): Observable<readonly T[]> {
  return from(children).pipe(
    concatMap((child, index) => fromResult(`${port} of ${child[0]}`, () => ask(child, index))),
    toArray(),
  )
}

function all<Row extends object>(
  children: readonly Child<Row>[],
  call: (child: Child<Row>) => Result<unknown>,
): Observable<never> {
  return concat(...children.map((child) => fromCommand(() => call(child)))).pipe(ignoreElements())
}

function at(offset: UnionOffset, name: string): object {
  const position = offset[name]
  if (position === undefined) throw new OptionError(`union: an offset has no position of ${JSON.stringify(name)}`)
  return position
}

/** An even share of a limit. */
function share(limit: ReadLimit, count: number, index: number): ReadLimit {
  const part = (total: number): number =>
    total === Infinity ? Infinity : Math.max(1, Math.floor((total + count - 1 - index) / count))
  return { maxRows: part(limit.maxRows), maxBytes: part(limit.maxBytes), maxFiles: part(limit.maxFiles) }
}

/** What gives each source no more than its own default. */
function unionDefault(defaults: readonly (Partial<ReadLimit> | undefined)[]): ReadLimit {
  const total = (name: keyof ReadLimit): number =>
    defaults.length * Math.min(...defaults.map((limit) => limit?.[name] ?? Infinity))
  return { maxRows: total('maxRows'), maxBytes: total('maxBytes'), maxFiles: total('maxFiles') }
}
