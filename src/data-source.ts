import { OptionError } from './errors.ts'
import { required, rules, validateOptions } from './options.ts'
import type { Schema } from './schema.ts'
import { fromSimple, type ReplayableSimpleReader, type SimplePartition } from './simple-reader.ts'
import type { StreamWriter } from './sink.ts'
import type { BatchReader, StreamReader } from './source.ts'

/** A source bound to its options: it makes a fresh reader on every start and restart. */
export interface StreamSource<Offset extends object, Partition, Row extends object> {
  readonly name: string
  readonly schema?: Schema<Row>
  readonly streamReader: () => StreamReader<Offset, Partition, Row>
  /** The names of the sources it is made of, where there are several; its offsets are objects by these names. */
  readonly sources?: readonly string[]
}

/** A source that is read once from end to end. */
export interface BatchSource<Partition, Row extends object> {
  readonly name: string
  readonly schema?: Schema<Row>
  readonly reader: () => BatchReader<Partition, Row>
}

/** A sink bound to its options. */
export interface BoundSink<Row extends object, Message> {
  readonly name: string
  readonly streamWriter: () => StreamWriter<Row, Message>
}

/** What `writeStream` takes: a bound sink, or just a function that makes a writer. */
export type StreamSink<Row extends object, Message> = BoundSink<Row, Message> | (() => StreamWriter<Row, Message>)

type Make<Options extends readonly unknown[], Port> = (...options: Options) => Port

/** Stands for a part that a definition doesn't have. */
declare const absent: unique symbol
type Absent = { readonly [absent]: never }

/** What comes of a part, if the definition has it. */
type Given<Inferred, Bound> = [Inferred] extends [Absent] ? unknown : Bound

/** A named system: a function of its options. */
export type DataSource<Name extends string, Options extends readonly unknown[], Bound> = Make<Options, Bound> & {
  readonly sourceName: Name
}

/**
 * Names a system and says how it is read and written. Gives a function of the system's options; what that returns is *bound*.
 *
 * ```ts
 * const comments = defineDataSource({ name: 'comments_api', schema: comment, streamReader: ({ url }: { url: string }) => ({ … }) })
 * readStream(comments({ url: 'http://localhost:3000/comments' }))
 * ```
 *
 * - `streamReader`: a {@link StreamReader}; `simpleStreamReader`: a small source in one call; `reader`: a {@link BatchReader}; `streamWriter`: a {@link StreamWriter}.
 * - A stream reader may stand together with a batch reader, and either with a writer. All of them get the options of the call. Each is called anew on every start and restart.
 *
 * @throws OptionError when the definition is incomplete or has an unknown part.
 */
export function defineDataSource<
  const Name extends string,
  Options extends readonly unknown[],
  Needed extends object,
  Message,
>(definition: {
  readonly name: Name
  readonly streamWriter: Make<Options, StreamWriter<Needed, Message>>
  readonly schema?: never
}): DataSource<Name, Options, BoundSink<Needed, Message>>
export function defineDataSource<
  const Name extends string,
  Options extends readonly unknown[],
  Row extends object,
  Offset extends object = Absent,
  Partition = unknown,
  SimpleOffset extends object = Absent,
  Slice = Absent,
  Needed extends object = Absent,
  Message = unknown,
>(definition: {
  /** Stable: it is stored in checkpoints. */
  readonly name: Name
  readonly schema: Schema<Row>
  readonly streamReader?: Make<Options, StreamReader<Offset, Partition, NoInfer<Row>>>
  readonly simpleStreamReader?: Make<Options, ReplayableSimpleReader<SimpleOffset, NoInfer<Row>>>
  readonly reader?: Make<Options, BatchReader<Slice, NoInfer<Row>>>
  readonly streamWriter?: Make<Options, StreamWriter<Needed, Message>>
}): DataSource<
  Name,
  Options,
  Given<Offset, StreamSource<Offset, Partition, Row>> &
    Given<SimpleOffset, StreamSource<SimpleOffset, SimplePartition<SimpleOffset>, Row>> &
    Given<Slice, BatchSource<Slice, Row>> &
    Given<Needed, BoundSink<Needed, Message>>
>
export function defineDataSource(definition: {
  readonly name: string
  readonly schema?: Schema
  readonly streamReader?: Make<never, unknown>
  readonly simpleStreamReader?: Make<never, ReplayableSimpleReader<object, object>>
  readonly reader?: Make<never, unknown>
  readonly streamWriter?: Make<never, unknown>
}): DataSource<string, never, unknown> {
  validateOptions('defineDataSource', definition, {
    name: required(rules.string),
    schema: rules.object,
    streamReader: rules.function,
    simpleStreamReader: rules.function,
    reader: rules.function,
    streamWriter: rules.function,
  })
  const { name, schema, streamReader, simpleStreamReader, reader, streamWriter } = definition
  if (streamReader !== undefined && simpleStreamReader !== undefined)
    throw new OptionError('defineDataSource: options "streamReader" and "simpleStreamReader" exclude each other')
  const readers = [streamReader, simpleStreamReader, reader].filter((make) => make !== undefined)
  if (readers.length > 0 && schema === undefined)
    throw new OptionError('defineDataSource: option "schema" is missing; a source says what its rows are')
  if (readers.length === 0 && streamWriter === undefined)
    throw new OptionError(
      'defineDataSource: "streamReader", "simpleStreamReader", "reader" or "streamWriter" is missing',
    )
  const bind = (...options: never): object => ({
    name,
    ...(schema === undefined ? {} : { schema }),
    ...(streamReader === undefined ? {} : { streamReader: () => streamReader(...options) }),
    ...(simpleStreamReader === undefined ? {} : { streamReader: () => fromSimple(simpleStreamReader(...options)) }),
    ...(reader === undefined ? {} : { reader: () => reader(...options) }),
    ...(streamWriter === undefined ? {} : { streamWriter: () => streamWriter(...options) }),
  })
  return Object.assign(bind, { sourceName: name })
}
