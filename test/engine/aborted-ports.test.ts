import {
  concat,
  firstValueFrom,
  fromEvent,
  mergeMap,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  takeUntil,
  throwError,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { defineDataSource } from '../../src/data-source.ts'
import { PostgresError } from '../../src/errors.ts'
import type { QueryOptions } from '../../src/query-options.ts'
import type { QueryRun } from '../../src/query-run.ts'
import { schema } from '../../src/schema.ts'
import type { StreamWriter } from '../../src/sink.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'

// Ports that end by themselves as soon as their signal is aborted. By then nobody may listen to them any more: what they say would be taken for an end.

const row = schema('id int not null')
type Row = { readonly id: number }
const policy = { maxAttempts: 1, initialDelayMs: 5, retryAfter: () => 5 }

const untilAborted = (signal: AbortSignal): Observable<never> => NEVER.pipe(takeUntil(fromEvent(signal, 'abort')))
const failsAtAbort = (signal: AbortSignal): Observable<never> =>
  fromEvent(signal, 'abort').pipe(mergeMap(() => throwError(() => signal.reason)))

function start(
  partitions: readonly number[],
  read: (partition: number, signal: AbortSignal) => Observable<readonly Row[]> | AsyncGenerator<readonly Row[]>,
  writer: Partial<StreamWriter<Row, string>>,
  options: Partial<QueryOptions> = {},
): QueryRun {
  const source = defineDataSource({
    name: 'source',
    schema: row,
    streamReader: (_options: object) => ({
      initialOffset: () => ({ n: 0 }),
      latestOffset: () => ({ n: 1 }),
      partitions: () => partitions,
      read: (partition: number, { signal }) => read(partition, signal),
    }),
  })
  const whole: StreamWriter<Row, string> = {
    guarantee: 'append',
    open: () => ({ write: () => {}, finish: () => '' }),
    commit: () => {},
    ...writer,
  }
  return readStream(source({}))
    .writeStream(() => whole, {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      retry: policy,
      restart: { maxAttempts: 1 },
      ...options,
    })
    .start()
}

const ended = (run: QueryRun): Promise<unknown> => run.terminated.catch((error: unknown) => error)

describe('a write that ends at the abort', () => {
  it('is the last one: what was opened is discarded, and the run is over', async () => {
    const log: string[] = []
    const run = start(
      [0],
      async function* () {
        for (const id of [1, 2, 3]) yield [{ id }]
      },
      {
        open: ({ signal }) => ({
          write: (rows) => {
            log.push(`write ${rows[0]?.id}`)
            return untilAborted(signal)
          },
          finish: () => '',
          discard: () => void log.push('discard'),
        }),
        abort: () => void log.push('abort'),
      },
    )
    await expect.poll(() => log).toEqual(['write 1'])
    await run.stop()
    expect(log).toEqual(['write 1', 'discard', 'abort'])
  })
})

describe.each([
  ['completes', untilAborted],
  ['fails', failsAtAbort],
] as const)('a read that %s at the abort', (_how, atAbort) => {
  const reads = (signal: AbortSignal): Observable<readonly Row[]> => concat(of([{ id: 1 }]), atAbort(signal))
  const written$ = new Subject<void>()
  const writer = (log: string[]): Partial<StreamWriter<Row, string>> => ({
    open: ({ partitionId }) => ({
      write: () => queueMicrotask(() => written$.next()),
      finish: () => {
        log.push(`finish ${partitionId}`)
        return `${partitionId}`
      },
      discard: () => void log.push(`discard ${partitionId}`),
    }),
    commit: (messages) => void log.push(`commit ${messages.join()}`),
    abort: () => void log.push('abort'),
  })
  const watched = (run: QueryRun, log: string[]): QueryRun => {
    run.events$.subscribe((event) => {
      if (event.type === 'partition-finished' || event.type === 'partition-failed')
        log.push(`${event.type} ${event.partitionId}`)
      else if (event.type === 'retry') log.push(`retry of the ${event.port}`)
    })
    return run
  }

  it('is not finished and tells of no end when the run is stopped', async () => {
    const log: string[] = []
    const run = watched(
      start([0], (_partition, signal) => reads(signal), writer(log)),
      log,
    )
    await firstValueFrom(written$)
    await run.stop()
    expect(log).toEqual(['discard 0', 'abort'])
  })

  it('is not finished and tells of no end when another partition fails', async () => {
    const log: string[] = []
    const boom = written$.pipe(mergeMap(() => throwError(() => new Error('boom'))))
    const run = start([0, 1], (partition, signal) => (partition === 1 ? boom : reads(signal)), writer(log))
    expect(await ended(watched(run, log))).toBeInstanceOf(Error)
    expect(log).toEqual(['discard 1', 'partition-failed 1', 'discard 0', 'abort'])
  })

  it('is in no progress when the batch is written once more', async () => {
    const log: string[] = []
    let first = true
    const lost = written$.pipe(
      take(1),
      mergeMap(() => {
        first = false
        return throwError(() => new PostgresError('lost', { restartsBatch: true }))
      }),
    )
    const run = start(
      [0, 1],
      (partition, signal) => (!first ? of([{ id: 1 }]) : partition === 1 ? lost : reads(signal)),
      { ...writer(log), guarantee: 'transactional' },
      { retry: { ...policy, maxAttempts: 2 } },
    )
    let last: readonly [rows: number, partitions: number] | undefined
    run.progress$.subscribe(({ numInputRows, partitions }) => {
      last = [numInputRows, partitions.length]
    })
    expect(await ended(watched(run, log))).toBeUndefined()
    expect(last).toEqual([2, 2])
    const again = ['finish 0', 'partition-finished 0', 'finish 1', 'partition-finished 1', 'commit 0,1']
    expect(log).toEqual(['discard 1', 'partition-failed 1', 'discard 0', 'abort', 'retry of the batch', ...again])
  })
})
