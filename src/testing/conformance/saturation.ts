import { from, isObservable, type ObservableInput, tap } from 'rxjs'
import { memorySink } from '../../connectors/memory/sink.ts'
import type { StreamReader } from '../../source.ts'
import type { StreamingQuery } from '../../streaming-query.ts'
import { chunksOf, done, eventually, settled, turns, within } from './conformance-test.ts'

/** What a run into a writer that takes no second chunk for a while came to. */
export interface Saturation<Row extends object> {
  /** Chunks that were read until nothing moved any more. */
  readonly whileSaturated: number
  /** The most chunks that were read and not written. */
  readonly most: number
  readonly chunks: number
  readonly rows: readonly Row[]
}

/**
 * Runs a query into a writer that takes no second chunk until nothing moves any more.
 * @param query of a reader and a sink, with a high-water mark of 2.
 */
export async function saturated<Offset extends object, Partition, Row extends object>(
  make: () => StreamReader<Offset, Partition, Row>,
  query: (
    streamReader: () => StreamReader<Offset, Partition, Row>,
    sink: ReturnType<typeof memorySink<Row>>,
  ) => StreamingQuery,
  patienceMs: number,
): Promise<Saturation<Row>> {
  let read = 0
  let written = 0
  let most = 0
  const gate = Promise.withResolvers<void>()
  const sink = memorySink<Row>()
  const note = (): void => {
    most = Math.max(most, ++read - written)
  }
  const pulled = async function* (chunks: ObservableInput<readonly Row[]>): AsyncGenerator<readonly Row[]> {
    for await (const chunk of chunksOf(chunks)) {
      note()
      yield chunk
    }
  }
  const streamReader = () => {
    const reader = make()
    const count = (chunks: ObservableInput<readonly Row[]>): ObservableInput<readonly Row[]> =>
      isObservable(chunks) ? from(chunks).pipe(tap(note)) : pulled(chunks)
    return overriding(reader, { read: (partition, context) => count(reader.read(partition, context)) })
  }
  const streamWriter = () => {
    const writer = sink.streamWriter()
    const open: typeof writer.open = async (context) => {
      const partition = await settled(() => writer.open(context))
      const write: typeof partition.write = async (rows) => {
        if (written > 0) await gate.promise
        await done(() => partition.write(rows))
        written++
      }
      return { ...partition, write }
    }
    return { ...writer, open }
  }
  const running = query(streamReader, { ...sink, streamWriter }).start()
  const isAsked = 'the reader is asked for a third chunk (does it give every row in a chunk of its own?)'
  await eventually(() => read >= 3, isAsked, patienceMs)
  for (let before = -1; before !== read; await turns(50)) before = read
  const whileSaturated = read
  gate.resolve()
  await within(running.terminated, 'the query', patienceMs)
  return { whileSaturated, most, chunks: read, rows: sink.rows }
}

/** A port with other parts; it may be an instance of a class. */
export function overriding<Port extends object>(port: Port, parts: Partial<Port>): Port {
  return new Proxy(port, {
    get: (target, name) => {
      if (name in parts) return parts[name as keyof Port]
      const part: unknown = Reflect.get(target, name)
      return typeof part === 'function' ? part.bind(target) : part
    },
  })
}
