import { of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Checkpoint, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import type { StreamSource } from '../../src/data-source.ts'
import { journaled } from '../../src/journaled.ts'
import { afterOne } from '../../src/result.ts'
import { readStream } from '../../src/stream.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, processingTime } from '../../src/trigger.ts'
import {
  type Numbered,
  type NumberedOffset,
  type NumberedRange,
  type NumberedReader,
  numberSink,
  numberSource,
  outcomeOf,
} from './recording.ts'

// That a batch is done is logged in one go with the next plan, where a replay does no harm and the next plan comes at once.

const summary = (record: LogRecord): string =>
  'initial' in record
    ? 'initial'
    : 'plan' in record
      ? `plan ${record.plan.batchId}`
      : 'done' in record
        ? `done ${record.done}`
        : 'journal'

/** Notes what is written at once, and when the log is closed. */
function noting(
  log: string[],
  checkpoint = memoryCheckpoint(),
  now: () => number | undefined = () => undefined,
): Checkpoint {
  const note = (what: string): void => {
    const at = now()
    log.push(at === undefined ? what : `${at} ${what}`)
  }
  return {
    ...checkpoint,
    open: (query) =>
      afterOne('open', checkpoint.open(query), (session) => ({
        ...session,
        write: (records, how) => {
          note(records.map(summary).join(' + '))
          return session.write(records, how)
        },
        close: () => {
          note('close')
          return session.close()
        },
      })),
  }
}

const source = (
  head: number,
  changes: Partial<NumberedReader> = {},
): StreamSource<NumberedOffset, NumberedRange, Numbered> => {
  const { streamReader, ...rest } = numberSource(() => head)
  return {
    ...rest,
    streamReader: () => {
      const { commit: _, ...reader } = streamReader() as NumberedReader
      return { ...reader, ...changes }
    },
  }
}
const options = { name: 'q', limit: { maxRows: 1 }, retry: { maxAttempts: 1 } }

describe('that a batch is done', () => {
  it('is logged with the plan of the next one, and by itself after the last', () => {
    const log: string[] = []
    const query = readStream(source(3)).writeStream(numberSink(), {
      ...options,
      checkpoint: noting(log),
      trigger: availableNow(),
    })
    expect(outcomeOf(query)).toMatchObject({ complete: true })
    expect(log).toEqual(['initial', 'plan 0', 'done 0 + plan 1', 'done 1 + plan 2', 'done 2', 'close'])
  })

  it.each<[string, Partial<NumberedReader>, Parameters<typeof numberSink>[2]]>([
    ['of a source that is told of it', { commit: () => undefined }, {}],
    ['of a sink that would write it twice', {}, { guarantee: 'append' }],
    ['of a sink that would write it anew', {}, { guarantee: { idempotent: 'key' } }],
  ])('is logged at once %s', (_of, reader, writer) => {
    const log: string[] = []
    const query = readStream(source(2, reader)).writeStream(numberSink([], [], writer), {
      ...options,
      checkpoint: noting(log),
      trigger: availableNow(),
    })
    outcomeOf(query)
    expect(log).toEqual(['initial', 'plan 0', 'done 0', 'plan 1', 'done 1', 'close'])
  })

  it('is logged at once behind a journal, for the next rows may be long in coming', () => {
    const log: string[] = []
    const query = readStream(journaled(source(2))).writeStream(numberSink(), {
      ...options,
      checkpoint: noting(log, memoryCheckpoint()),
      trigger: availableNow(),
    })
    outcomeOf(query)
    expect(log.filter((what) => what.includes('done'))).toEqual(['done 0', 'done 1'])
  })

  it(
    'is logged before a pause, and with the next plan when a tick has come meanwhile',
    marbles(({ cold, scheduler, flush }) => {
      const log: string[] = []
      const read = () => cold('--(a|)', { a: [{ n: 0 }] })
      const query = readStream(source(4, { read, partitions: () => [{ from: 0, to: 1 }] })).writeStream(numberSink(), {
        ...options,
        scheduler,
        checkpoint: noting(log, memoryCheckpoint(), () => scheduler.now()),
        trigger: cold('  a----a-a--|'),
      })
      query.subscribe()
      flush()
      expect(log).toEqual([
        '0 initial',
        '0 plan 0',
        '2 done 0',
        '5 plan 1',
        '7 done 1 + plan 2',
        '9 done 2',
        '10 close',
      ])
    }),
  )

  it(
    'is logged while the source is asked and takes its time, and after that at once',
    marbles(({ cold, scheduler, flush }) => {
      const log: string[] = []
      const latestOffset: NumberedReader['latestOffset'] = ({ offset }) =>
        offset === 0 ? { offset: 1 } : cold('---(a|)', { a: { offset: offset + 1 } })
      const query = readStream(source(9, { latestOffset })).writeStream(numberSink(), {
        ...options,
        scheduler,
        checkpoint: noting(log, memoryCheckpoint(), () => scheduler.now()),
        trigger: cold('(aa)--b|'),
      })
      query.subscribe()
      flush()
      expect(log.slice(1)).toEqual(['0 plan 0', '0 done 0', '3 plan 1', '3 done 1', '9 plan 2', '9 done 2', '9 close'])
    }),
  )

  it('is logged at once where the source takes its time', async () => {
    const log: string[] = []
    const latestOffset: NumberedReader['latestOffset'] = async ({ offset }) => ({ offset: Math.min(3, offset + 1) })
    const run = readStream(source(3, { latestOffset, reportLatestOffset: () => ({ offset: 3 }) }))
      .writeStream(numberSink(), { ...options, checkpoint: noting(log), trigger: availableNow() })
      .start()
    run.progress$.subscribe(({ batchId }) => log.push(`progress ${batchId}`))
    await run.terminated
    expect(log).toEqual([
      'initial',
      ...[0, 1, 2].flatMap((id) => [`plan ${id}`, `done ${id}`, `progress ${id}`]),
      'close',
    ])
  })

  it('is logged before a query rests whose source has nothing more', async () => {
    const log: string[] = []
    const run = readStream(source(1))
      .writeStream(numberSink(), { ...options, checkpoint: noting(log), trigger: processingTime('1 hour') })
      .start()
    await run.processAllAvailable()
    expect(log).toEqual(['initial', 'plan 0', 'done 0'])
    await run.stop()
    expect(log).toEqual(['initial', 'plan 0', 'done 0', 'close'])
  })

  it('is logged when an observer of its progress stops the query', async () => {
    const log: string[] = []
    const run = readStream(source(3))
      .writeStream(numberSink(), { ...options, checkpoint: noting(log), trigger: availableNow() })
      .start()
    const stopped = new Promise<void>((resolve) => run.progress$.subscribe(() => run.stop().then(resolve)))
    await stopped
    expect(log).toEqual(['initial', 'plan 0', 'done 0', 'close'])
  })

  it('is logged before the run after it waits for its restart', () => {
    const log: string[] = []
    const latestOffset: NumberedReader['latestOffset'] = ({ offset }) => {
      if (offset === 1) throw new Error('down')
      return { offset: offset + 1 }
    }
    const calls: string[] = []
    const query = readStream(source(3, { latestOffset, stop: () => void log.push('stop') })).writeStream(
      numberSink(calls),
      {
        ...options,
        checkpoint: noting(log),
        trigger: of(1, 2),
      },
    )
    expect(outcomeOf(query).error).toBeDefined()
    expect(log).toEqual(['initial', 'plan 0', 'done 0', 'stop', 'close'])
  })

  it('ends the query when it can not be logged', () => {
    const down = new Error('disk')
    const memory = memoryCheckpoint()
    const checkpoint: Checkpoint = {
      ...memory,
      open: (query) =>
        afterOne('open', memory.open(query), (session) => ({
          ...session,
          write: (records, how) =>
            records.some((record) => 'done' in record) ? throwError(() => down) : session.write(records, how),
        })),
    }
    const query = readStream(source(1)).writeStream(numberSink(), { ...options, checkpoint, trigger: of(1) })
    expect(outcomeOf(query)).toMatchObject({ error: { cause: down }, complete: false })
    // Whatever waits: the trigger goes on, and the log has failed.
    const waiting = readStream(source(1)).writeStream(numberSink(), {
      ...options,
      checkpoint,
      trigger: processingTime('1 hour'),
    })
    expect(outcomeOf(waiting)).toMatchObject({ error: { cause: down } })
  })

  it.each(['drain', 'stop'] as const)(
    'is not lost without a word when it can not be written during a %s',
    async (end) => {
      const memory = memoryCheckpoint()
      const failed = Promise.withResolvers<never>()
      const flushing = Promise.withResolvers<void>()
      const checkpoint: Checkpoint = {
        ...memory,
        open: (query) =>
          afterOne('open', memory.open(query), (session) => ({
            ...session,
            write: (records, how) => {
              if (how?.sync !== false) return session.write(records, how)
              flushing.resolve()
              return failed.promise
            },
          })),
      }
      const latestOffset: NumberedReader['latestOffset'] = ({ offset }) =>
        offset < 2 ? { offset: offset + 1 } : new Promise(() => {})
      const run = readStream(source(9, { latestOffset }))
        .writeStream(numberSink(), { ...options, checkpoint })
        .start()
      const told: string[] = []
      run.events$.subscribe((event) => {
        if (event.type === 'warning' || event.type === 'failed') told.push(`${event.type} ${String(event.error)}`)
        if (event.type === 'stopped') told.push('stopped')
      })
      await flushing.promise
      const ended = run[end]().then(
        () => 'resolved',
        (error: Error) => String(error.cause),
      )
      failed.reject(new Error('disk'))
      expect(await ended).toBe(end === 'drain' ? 'Error: disk' : 'resolved')
      expect(told).toEqual(
        end === 'drain'
          ? [expect.stringMatching(/^failed .*disk/)]
          : [expect.stringMatching(/^warning .*disk/), 'stopped'],
      )
    },
  )
})
