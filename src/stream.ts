import type { OperatorFunction } from 'rxjs'
import { checkRows, keepsCorruptRecords } from '../operators/check-rows.ts'
import type { RowsOperator } from '../operators/transform-rows.ts'
import { batchAsStream } from './batch-source.ts'
import { memoryCheckpoint } from './checkpoint/memory.ts'
import type { BatchSource, StreamSink, StreamSource } from './data-source.ts'
import { withDeadLetters } from './dead-letters.ts'
import { isDeterministic } from './deterministic.ts'
import { OptionError } from './errors.ts'
import { corruptRecordColumn } from './malformed-row.ts'
import { runQuery } from './query.ts'
import { type QueryOptions, type QuerySettings, querySettings } from './query-options.ts'
import type { HasColumns, NoOtherColumns, RowShape } from './row.ts'
import type { Schema } from './schema.ts'
import type { StreamWriter } from './sink.ts'
import { StreamingQuery } from './streaming-query.ts'
import { availableNow } from './trigger.ts'

/** An RxJS operator over chunks of rows. */
export type ChunksOperator<In extends object, Out extends object> = OperatorFunction<readonly In[], readonly Out[]>

/** The end of a chain. Its source is known to whoever calls {@link Connect}. */
interface QueryEnd<Out extends object, Message> {
  readonly operators: readonly RowsOperator[]
  readonly schema: Schema | undefined
  readonly sink: { readonly id: string; readonly name: string; readonly writer: () => StreamWriter<Out, Message> }
  readonly settings: QuerySettings
}

type Connect = <Out extends object, Message>(end: QueryEnd<Out, Message>) => StreamingQuery

/** An operator, or a schema that the rows are held against at this point. */
type Step = RowsOperator | Schema

/**
 * Rows on their way from a source to a sink. Immutable: each method gives a new one.
 * `Mode` says how it ends: a stream in `writeStream`, a batch in `write`.
 */
export class Rows<Row extends object, Mode extends 'stream' | 'batch'> {
  readonly #connect: Connect
  readonly #steps: readonly Step[]
  readonly #schema: Schema | undefined
  /** Never there: it carries the types. */
  declare readonly '~rows'?: { readonly row: Row; readonly mode: Mode }

  constructor(connect: Connect, steps: readonly Step[], schema: Schema | undefined) {
    this.#connect = connect
    this.#steps = steps
    this.#schema = schema
  }

  /**
   * Adds operators: RxJS operators over chunks (`readonly Row[]`). The chain is built anew for every partition and every attempt.
   * It can't commit a part of a partition: completing early, subscribing twice or swallowing an error of the read fails the partition.
   */
  pipe<A extends RowShape>(a: ChunksOperator<Row, A>): Rows<A, Mode>
  pipe<A extends RowShape, B extends RowShape>(a: ChunksOperator<Row, A>, b: ChunksOperator<A, B>): Rows<B, Mode>
  pipe<A extends RowShape, B extends RowShape, C extends RowShape>(
    a: ChunksOperator<Row, A>,
    b: ChunksOperator<A, B>,
    c: ChunksOperator<B, C>,
  ): Rows<C, Mode>
  pipe<A extends RowShape, B extends RowShape, C extends RowShape, D extends RowShape>(
    a: ChunksOperator<Row, A>,
    b: ChunksOperator<A, B>,
    c: ChunksOperator<B, C>,
    d: ChunksOperator<C, D>,
  ): Rows<D, Mode>
  pipe<A extends RowShape, B extends RowShape, C extends RowShape, D extends RowShape, E extends RowShape>(
    a: ChunksOperator<Row, A>,
    b: ChunksOperator<A, B>,
    c: ChunksOperator<B, C>,
    d: ChunksOperator<C, D>,
    e: ChunksOperator<D, E>,
  ): Rows<E, Mode>
  pipe(...operators: readonly ChunksOperator<never, object>[]): Rows<object, Mode> {
    return new Rows(
      this.#connect,
      [...this.#steps, ...(operators as readonly unknown[] as readonly RowsOperator[])],
      undefined,
    )
  }

  /** States the schema of the rows at this point, after a change of columns. Rows are held against it. */
  as<Stated extends object>(
    schema: Schema<Stated> & HasColumns<Row, Stated> & NoOtherColumns<Row, Stated>,
  ): Rows<Stated, Mode> {
    return new Rows(this.#connect, [...this.#steps, schema], schema)
  }

  /**
   * Ends a stream in a sink. Nothing runs yet: subscribe to the query, or `start()` it.
   * @throws OptionError for a bad option.
   */
  writeStream<Needed extends object, Message, Dead = never>(
    this: Rows<Row, 'stream'>,
    sink: StreamSink<Needed, Message> & HasColumns<Row, Needed>,
    options: QueryOptions<Dead>,
  ): StreamingQuery {
    return this.#end(sink, options)
  }

  /**
   * Ends a batch in a sink: one run over everything that is there, without a checkpoint that outlives it.
   * @throws OptionError for a bad option.
   */
  write<Needed extends object, Message, Dead = never>(
    this: Rows<Row, 'batch'>,
    sink: StreamSink<Needed, Message> & HasColumns<Row, Needed>,
    options: Omit<QueryOptions<Dead>, 'name' | 'checkpoint' | 'trigger'> & { readonly name?: string } = {},
  ): StreamingQuery {
    return this.#end(sink, { name: 'batch', ...options, checkpoint: memoryCheckpoint(), trigger: availableNow() })
  }

  #end<Needed extends object, Message, Dead>(
    sink: StreamSink<Needed, Message>,
    options: QueryOptions<Dead>,
  ): StreamingQuery {
    const settings = querySettings(options)
    const schemas = this.#steps.filter((step) => typeof step !== 'function')
    if (settings.mode === 'permissive' && !schemas.some(keepsCorruptRecords)) {
      throw new OptionError(
        `writeStream: mode "permissive" needs a column "${corruptRecordColumn} string" in a schema of the query, where rows that don't fit are kept: nothing is ever only dropped`,
      )
    }
    const operators = this.#steps.map((step) =>
      typeof step === 'function' ? step : checkRows<object>(step, settings.mode),
    )
    const name = typeof sink === 'function' ? 'sink' : sink.name
    const writer = typeof sink === 'function' ? sink : () => sink.streamWriter()
    const { deadLetters } = options
    if (deadLetters !== undefined && !operators.every(isDeterministic)) {
      throw new OptionError(
        'writeStream: "deadLetters" needs operators that are known to be deterministic, because a replay has to refuse the same rows; deterministic(operator) declares one that is',
      )
    }
    const end = { operators, schema: this.#schema, settings }
    return deadLetters === undefined
      ? this.#connect({ ...end, sink: { id: settings.sinkId, name, writer } })
      : this.#connect({
          ...end,
          sink: { id: settings.sinkId, name, writer: () => withDeadLetters(writer(), deadLetters.streamWriter()) },
        })
  }
}

/** Rows that keep coming; ended by `writeStream`. */
export type RowStream<Row extends object> = Rows<Row, 'stream'>

/** Rows that are there; ended by `write`. */
export type RowBatch<Row extends object> = Rows<Row, 'batch'>

/** Begins a stream at a source. Rows are held against the source's schema, where it has one. */
export function readStream<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
): RowStream<Row> {
  return rowsOf(source)
}

/** Begins a batch at a source. A source without a batch reader is read once from its initial offset to where it ends now. */
export function read<Partition, Row extends object>(source: BatchSource<Partition, Row>): RowBatch<Row>
export function read<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
): RowBatch<Row>
export function read<Offset extends object, Partition, Row extends object>(
  source: BatchSource<Partition, Row> | StreamSource<Offset, Partition, Row>,
): RowBatch<Row> {
  if (!('reader' in source)) return rowsOf(source)
  const { name, schema } = source
  return rowsOf({
    name,
    ...(schema === undefined ? {} : { schema }),
    streamReader: () => batchAsStream(source.reader()),
  })
}

function rowsOf<Offset extends object, Partition, Row extends object, Mode extends 'stream' | 'batch'>(
  source: StreamSource<Offset, Partition, Row>,
): Rows<Row, Mode> {
  const { name, schema } = source
  const connect: Connect = ({ settings, operators, sink, schema: ended }) =>
    new StreamingQuery(settings.name, (controls) =>
      runQuery(
        {
          ...settings,
          source: { name, reader: () => source.streamReader(), parts: source.sources ?? [name] },
          operators,
          sink,
          schema: ended,
        },
        controls,
      ),
    )
  return new Rows(connect, schema === undefined ? [] : [schema], schema)
}
