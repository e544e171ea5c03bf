import type { Observable } from 'rxjs'
import type { PlannedBatch } from '../../src/batch.ts'
import { type Attempt, BatchRun } from '../../src/batch-run.ts'
import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import type { QueryEventBody } from '../../src/events.ts'
import { defaultRetryPolicy } from '../../src/retry.ts'
import { type RunContext, runContext } from '../../src/run-context.ts'
import type { Tracker } from '../../src/tracker.ts'

/** What the stages of a run are given when a test composes them by hand. */

export interface Position {
  readonly offset: number
}

export interface Row {
  readonly id: string
}

export interface TestContext extends RunContext {
  readonly events: QueryEventBody[]
}

/** Keeps the events. Three attempts, and 10 ms between them. */
export function testContext(options: Partial<RunContext> = {}): TestContext {
  const events: QueryEventBody[] = []
  const retry = { ...defaultRetryPolicy, retryAfter: () => 10 }
  return { ...runContext({ retry, emit: (event) => events.push(event), ...options }), events }
}

export function plan(partitions: readonly string[] = ['p0'], batchId = 0): PlannedBatch<Position, string> {
  return { queryId: 'q', batchId, start: { offset: batchId * 10 }, end: { offset: batchId * 10 + 10 }, partitions }
}

export function batchOf(context: RunContext, partitions?: readonly string[]): BatchRun<Position, string> {
  return new BatchRun(plan(partitions), context)
}

/** The first attempt at the only partition of a batch. */
export function attemptIn(context: RunContext): Attempt<string> {
  const [task] = batchOf(context).tasks
  if (task === undefined) throw new Error('the batch has no task')
  return task.nextAttempt()
}

/** A chunk of one row for each letter. */
export function chunk(letters: string): readonly Row[] {
  return [...letters].map((id) => ({ id }))
}

/** Chunks by letter, for diagrams. */
export const chunks = { a: chunk('a'), b: chunk('bb'), c: chunk('ccc') }

export function letters(rows: readonly Row[]): string {
  return rows.map(({ id }) => id).join('')
}

export interface TestSession extends CheckpointSession {
  /** What it was given to write, in order. */
  readonly records: LogRecord[]
}

/** A session that keeps what it is given. @param write called as well, for a session that takes its time or fails. */
export function sessionOf(options: Partial<CheckpointSession> = {}): TestSession {
  const records: LogRecord[] = []
  return {
    queryId: 'q',
    epoch: 1,
    recovered: {},
    close: () => undefined,
    ...options,
    records,
    write: (given, how) => {
      records.push(...given)
      return options.write?.(given, how)
    },
  }
}

/** What an Observable came to. */
export type Outcome<T> = { readonly values: readonly T[] } | { readonly values: readonly T[]; readonly error: unknown }

/** Waits for it, without a timer. */
export function outcomeOf<T>(result: Observable<T>): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const values: T[] = []
    result.subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => resolve({ values }),
    })
  })
}

export function isIdle(tracker: Tracker): boolean {
  let idle = false
  const complete = () => {
    idle = true
  }
  tracker.idle.subscribe({ complete }).unsubscribe()
  return idle
}

/** For a port that throws. */
export function throwIt(error: unknown): never {
  throw error
}
