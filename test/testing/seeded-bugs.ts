import { randomUUID } from 'node:crypto'
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  map,
  type Observable,
  of,
  throwError,
} from 'rxjs'
import type { Checkpoint, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { fromCommand, fromResult } from '../../src/result.ts'
import { readStream } from '../../src/stream.ts'
import type { ModelPipeline, ModelPorts } from '../../src/testing/model.ts'

type Source = ModelPorts['source']
type Reader = ReturnType<Source['streamReader']>
type Writer = ReturnType<ModelPorts['sink']>

const withReader = (source: Source, change: (reader: Reader) => Reader): Source => ({
  ...source,
  streamReader: () => change(source.streamReader()),
})

const run = ({ source, sink, options }: ModelPorts): Observable<unknown> =>
  readStream(source).writeStream(sink, options)

/** Acknowledges what it read before anybody wrote it. */
export const ackBeforeCommit: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => ({
      ...reader,
      read: (range, context) =>
        concat(
          from(reader.read(range, context)),
          defer(() => fromCommand(() => reader.commit?.({ position: range.to }))).pipe(ignoreElements()),
        ),
    })),
  })

/** Counts on with every call, whatever is there: positions without rows are passed over, and a restart begins anew. */
export const movingLatestOffset: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => {
      let current = 0
      return {
        ...reader,
        latestOffset: (start, limit) =>
          fromResult('latestOffset', () => reader.latestOffset(start, limit)).pipe(
            map(() => {
              current += 4
              return { position: Math.min(current, 10) }
            }),
          ),
      }
    }),
  })

/** Says "committed" at once, and commits when the next batch begins or the run ends. */
export const commitLoggedBeforeSink: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      let owed: Observable<unknown> = of(undefined)
      const settle = (): Observable<unknown> => defer(() => owed)
      return {
        ...writer,
        begin: (batch) =>
          settle().pipe(
            ignoreElements(),
            (settled) =>
              concat(
                settled,
                fromResult('begin', () => writer.begin?.(batch) ?? 'write'),
              ) as Observable<'write' | 'committed'>,
          ),
        commit: (messages, batch) => {
          owed = fromCommand(() => writer.commit(messages, batch))
          return of(undefined)
        },
        stop: settle,
      }
    },
  })

const withSessionWrite = (
  checkpoint: Checkpoint,
  change: (
    write: (records: readonly LogRecord[]) => Observable<unknown>,
  ) => (records: readonly LogRecord[]) => Observable<unknown>,
): Checkpoint => ({
  ...checkpoint,
  open: (query) =>
    fromResult('open', () => checkpoint.open(query)).pipe(
      map((session) => ({ ...session, write: change((records) => fromCommand(() => session.write(records))) })),
    ),
})

/** Logs a batch only when it is done: after a crash the same batch id is given to another range. */
export const unloggedPlan: ModelPipeline = (ports) => {
  let held: readonly LogRecord[] = []
  const checkpoint = withSessionWrite(ports.options.checkpoint, (write) => (records) => {
    if (records.some((record) => 'plan' in record)) {
      held = records
      return of(undefined)
    }
    const all = [...held, ...records]
    held = []
    return write(all)
  })
  return run({ ...ports, options: { ...ports.options, checkpoint } })
}

/** Numbers the batches of each process from 0. */
export const batchIdReused: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      const first: number[] = []
      const renumbered = <B extends { readonly batchId: number }>(batch: B): B => {
        first[0] ??= batch.batchId
        return { ...batch, batchId: batch.batchId - first[0] }
      }
      return {
        ...writer,
        begin: (batch) => writer.begin?.(renumbered(batch)) ?? 'write',
        commit: (messages, batch) => writer.commit(messages, renumbered(batch)),
      } satisfies Writer
    },
  })

/** Drops the second half of a partition without saying so. */
export const losesRows: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => ({
      ...reader,
      read: (range, context) => from(reader.read(range, context)).pipe(map((rows) => rows.slice(0, 1))),
    })),
  })

/** Gives every chunk twice. */
export const readsTwice: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => ({
      ...reader,
      read: (range, context) => from(reader.read(range, context)).pipe(concatMap((rows) => [rows, rows])),
    })),
  })

/** Doesn't know a batch again that another process committed. */
export const forgetfulSink: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      const process = randomUUID()
      const mine = <B extends { readonly queryId: string }>(batch: B): B => ({ ...batch, queryId: process })
      return {
        ...writer,
        begin: (batch) => writer.begin?.(mine(batch)) ?? 'write',
        commit: (messages, batch) => writer.commit(messages, mine(batch)),
      } satisfies Writer
    },
  })

/** Turns the rows of a chunk round. */
export const rowsBackwards: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => ({
      ...reader,
      read: (range, context) => from(reader.read(range, context)).pipe(map((rows) => rows.toReversed())),
    })),
  })

/** Never answers. */
export const hangs: ModelPipeline = (ports) =>
  run({ ...ports, sink: () => ({ ...ports.sink(), commit: () => new Promise(() => {}) }) })

/** Asks the server for "the next ones" instead of for its range: what was handed out once is taken for done. */
export const positionTakenForProgress = (): ModelPipeline => {
  let handedOut = 0 // kept by the server, for each query
  return (ports) =>
    run({
      ...ports,
      source: withReader(ports.source, (reader) => ({
        ...reader,
        initialOffset: () => {
          handedOut = 0
          return reader.initialOffset()
        },
        read: ({ from: first, to }, context) =>
          defer(() => {
            const from = Math.max(handedOut, first)
            handedOut = to
            return reader.read({ from, to }, context)
          }),
      })),
    })
}

/** Three rows carry the same time, and a batch begins after the last time that it saw. */
export const losesTies: ModelPipeline = (ports) => {
  const timeOf = (row: number): number => Math.floor(row / 3)
  return run({
    ...ports,
    source: withReader(ports.source, (reader) => {
      let head = 0
      return {
        ...reader,
        latestOffset: ({ position: time }, limit) =>
          fromResult('latestOffset', () => reader.latestOffset({ position: time * 3 }, limit)).pipe(
            map(({ position: end }) => {
              head = Math.max(head, end)
              return { position: end === 0 ? 0 : Math.max(time, timeOf(end - 1) + 1) }
            }),
          ),
        partitions: (start, end) =>
          reader.partitions({ position: start.position * 3 }, { position: Math.min(end.position * 3, head) }),
      }
    }),
  })
}

/** All rows of a partition under one key. */
export const keyWithoutOrdinal: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      return {
        ...writer,
        open: (context) =>
          writer.open({ ...context, idempotencyKey: (_, count, rows) => context.idempotencyKey(0, count, rows) }),
      }
    },
  })

/** A request for each chunk, under the key of what happens to be in it. What the receiver holds outlives the processes. */
export const requestsCutAtChunkEnds: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      return {
        ...writer,
        open: (context) => {
          const requests: { readonly first: number; readonly count: number }[] = []
          let next = 0
          const idempotencyKey: typeof context.idempotencyKey = (ordinal) => {
            const { first, count } = requests.find(({ first, count }) => ordinal < first + count) ?? {
              first: ordinal,
              count: 1,
            }
            return `${context.idempotencyKey(first, count)}#${ordinal - first}`
          }
          return fromResult('open', () => writer.open({ ...context, idempotencyKey })).pipe(
            map((partition) => ({
              ...partition,
              write: (rows: Parameters<typeof partition.write>[0]) => {
                requests.push({ first: next, count: rows.length })
                next += rows.length
                return partition.write(rows)
              },
            })),
          )
        },
      }
    },
  })

/** Clears up after a commit that failed, as if that meant that nothing happened. */
export const abortAfterDoubt: ModelPipeline = (ports) =>
  run({
    ...ports,
    sink: () => {
      const writer = ports.sink()
      return {
        ...writer,
        commit: (messages, batch) =>
          fromCommand(() => writer.commit(messages, batch)).pipe(
            catchError((error: unknown) =>
              concat(
                fromCommand(() => writer.abort?.(messages, batch)).pipe(ignoreElements()),
                throwError(() => error),
              ),
            ),
          ),
      }
    },
  })

/** An error ends the rows as if there were no more. */
export const finalOffsetAfterError: ModelPipeline = (ports) =>
  run({
    ...ports,
    source: withReader(ports.source, (reader) => ({
      ...reader,
      read: (range, context) => from(reader.read(range, context)).pipe(catchError(() => EMPTY)),
    })),
  })
