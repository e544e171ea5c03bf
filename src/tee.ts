import {
  catchError,
  concat,
  concatMap,
  defer,
  from,
  ignoreElements,
  map,
  type Observable,
  of,
  throwError,
  toArray,
} from 'rxjs'
import type { Batch } from './batch.ts'
import { checkWriter } from './check-ports.ts'
import { ChildSink } from './child-sink.ts'
import { OptionError } from './errors.ts'
import { weakerGuarantee } from './guarantee.ts'
import { fromCommand, fromResult, type Result } from './result.ts'
import { settleAll } from './settle-all.ts'
import type { PartitionWriter, StreamWriter, WriteContext, WriterGuarantee } from './sink.ts'

/** A sink of any rows and any message: what it is given is `never`, what it gives `unknown`. */
type AnySink = AnyWriterFunction | { readonly name: string; readonly streamWriter: AnyWriterFunction }

type AnyWriterFunction = () => {
  readonly guarantee: WriterGuarantee
  readonly open: (context: WriteContext) => Result<{
    readonly write: (rows: readonly never[]) => Result<unknown>
    readonly finish: () => Result<unknown>
  }>
  readonly commit: (messages: readonly never[], batch: Batch) => Result<unknown>
}

type WriterOf<Sink> = Sink extends () => infer Writer
  ? Writer
  : Sink extends { readonly streamWriter: () => infer Writer }
    ? Writer
    : never
type RowOf<Sink> = WriterOf<Sink> extends StreamWriter<infer Row, infer _> ? Row : never
type MessageOf<Sink> = WriterOf<Sink> extends StreamWriter<infer _, infer Message> ? Message : never

/** A row that suits every one of the sinks: it has the columns that any of them needs. */
export type TeeRow<Sinks> = {
  readonly [Name in keyof Sinks]: (row: RowOf<Sinks[Name]>) => void
}[keyof Sinks] extends (row: infer Row extends object) => void
  ? [Row] extends [never]
    ? { readonly 'no row suits all of these sinks': never }
    : Row
  : never

/** Messages by the sinks' names, without those that hold the batch already. */
export type TeeMessage<Sinks> = { readonly [Name in keyof Sinks]?: MessageOf<Sinks[Name]> }

/**
 * One sink made of several: each gets all rows. `tee({ table: deltaTable({ … }), live: rabbitmqSink({ … }) })`.
 *
 * The names are the sink ids (the query's option `sinkId` is not used), so they are part of ledgers and idempotency keys: a sink that is renamed counts as another one.
 *
 * - A chunk goes to all sinks side by side; the next one comes when the slowest has taken it.
 * - `commit` goes from the first name to the last. When one fails, those before it have committed: the repeats, and a replay after a crash,
 *   give the batch to all again, except to those whose `begin` says that they hold it.
 * - A sink may be told to discard a partition that it has finished, because another one could not finish it.
 * - The guarantee of the whole is the weakest sink's; each sink's own stands in `guarantee.sinks`, by name, at start and in every progress.
 *
 * **Hazard**: a sink that appends gets the rows again whenever *another* one fails.
 * Of `transactional` sinks each has every row once, but not at the same moment: after a crash between two commits
 * the later one is behind until the query has started again and read the batch once more.
 *
 * @returns a sink whose rows need the columns of all of them.
 * @throws OptionError without any sinks, and for a name that is empty or a number (JavaScript would change its place).
 */
export function tee<const Sinks extends Readonly<Record<string, AnySink>>>(
  sinks: Sinks,
): { readonly name: 'tee'; readonly streamWriter: () => StreamWriter<TeeRow<Sinks>, TeeMessage<Sinks>> } {
  const makers = Object.entries(sinks)
  if (makers.length === 0) throw new OptionError('tee: it needs at least one sink')
  for (const [name] of makers) {
    if (/^\d*$/.test(name))
      throw new OptionError(`tee: a sink's name must be a word, and this is ${JSON.stringify(name)}`)
  }
  return {
    name: 'tee',
    streamWriter: () => {
      const children = makers.map(([id, sink]) => {
        const make = typeof sink === 'function' ? sink : sink.streamWriter
        const writer = make() as unknown as StreamWriter<object, unknown>
        checkWriter(id, writer)
        return new ChildSink(id, writer)
      })
      return teeWriter(children) as unknown as StreamWriter<TeeRow<Sinks>, TeeMessage<Sinks>>
    },
  }
}

type Child = ChildSink<object, unknown>
type Messages = Readonly<Record<string, unknown>>

function teeWriter(children: readonly Child[]): StreamWriter<object, Messages> {
  const writing = (): readonly Child[] => children.filter(({ holdsBatch }) => !holdsBatch)
  return {
    guarantee: children.map(({ guarantee }) => guarantee).reduce(weakerGuarantee),
    sinkGuarantees: Object.fromEntries(children.map(({ id, guarantee }) => [id, guarantee])),
    start: (context) => concat(...children.map((child) => child.start(context))),
    begin: (batch) =>
      concat(...children.map((child) => child.begin(batch))).pipe(
        toArray(),
        map((answers) => (answers.includes('write') ? 'write' : 'committed')),
      ),
    open: (context) => openAll(writing(), context),
    commit: (messages, batch) =>
      concat(
        ...writing().map((child) =>
          child.commit(
            messages.map((byName) => byName[child.id]),
            batch,
          ),
        ),
      ),
    abort: (messages, batch) =>
      settleAll(
        writing().map((child) =>
          child.abort(
            messages.map((byName) => byName?.[child.id]),
            batch,
          ),
        ),
        1,
      ),
    stop: () =>
      settleAll(
        children.map((child) => child.stop()),
        1,
      ),
  }
}

type Part = readonly [id: string, writer: PartitionWriter<object, unknown>]

/** When one can't open, those before it discard: the engine knows only of a partition that opened as a whole. */
function openAll(children: readonly Child[], context: WriteContext): Observable<PartitionWriter<object, Messages>> {
  return defer(() => {
    const parts: Part[] = []
    return from(children).pipe(
      concatMap((child) => child.open(context).pipe(map((writer) => parts.push([child.id, writer])))),
      ignoreElements(),
      catchError((error: unknown) =>
        settleAll([...discards(parts), throwError(() => error)], 1).pipe(ignoreElements()),
      ),
      (opened$) => concat(opened$, of(partitionOf(parts))),
    )
  })
}

function partitionOf(parts: readonly Part[]): PartitionWriter<object, Messages> {
  return {
    write: (rows) => settleAll(parts.map(([, writer]) => fromCommand(() => writer.write(rows)))),
    finish: () =>
      settleAll(
        parts.map(([id, writer]) =>
          fromResult(`finish of sink ${id}`, () => writer.finish()).pipe(map((message) => [id, message] as const)),
        ),
      ).pipe(map((messages) => Object.fromEntries(messages))),
    discard: () => settleAll(discards(parts), 1),
  }
}

function discards(parts: readonly Part[]): readonly Observable<undefined>[] {
  return parts.map(([, writer]) => fromCommand(() => writer.discard?.()))
}
