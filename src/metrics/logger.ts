import type { Subscription } from 'rxjs'
import { describeError, isSluiceError } from '../errors.ts'
import type { LiveFigures, QueryEvent } from '../events.ts'
import type { ObservedRun } from './monitor.ts'

/** Structured logs: fields and a message. pino's loggers are such. */
export interface Logger {
  readonly debug: (fields: object, message: string) => void
  readonly info: (fields: object, message: string) => void
  readonly warn: (fields: object, message: string) => void
  readonly error: (fields: object, message: string) => void
}

interface Line {
  readonly level: keyof Logger
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/**
 * Logs what happens in a run. Without it nothing is logged.
 *
 * `debug` has batches, `info` the beginning and the end, `warn` what is mended by itself (with what a partition was doing when it was given up), `error` the failure of the query.
 * Offsets and rows are never logged; errors come redacted. A logger that throws changes nothing.
 *
 * ```ts
 * logRun(run, pino())
 * ```
 *
 * @returns ends it early.
 */
export function logRun(run: ObservedRun, logger: Logger): Subscription {
  return run.events$.subscribe((event) => {
    const line = lineOf(event)
    if (line === undefined) return
    const batchId = 'batchId' in event ? event.batchId : undefined
    const partition = 'partition' in event ? event.partition : undefined
    const place = {
      query: run.name,
      ...(batchId === undefined ? {} : { batchId }),
      ...(partition === undefined ? {} : { partition }),
    }
    logger[line.level]({ ...place, event: event.type, ...line.fields }, line.message)
  })
}

function lineOf(event: QueryEvent): Line | undefined {
  switch (event.type) {
    case 'started': {
      const { queryId, runId, guarantee, sources, sink } = event
      const { level, reason, sinks } = guarantee
      const each = sinks && Object.fromEntries(Object.entries(sinks).map(([name, { level }]) => [name, level]))
      const fields = { queryId, runId, sources, sink, guarantee: level, reason, ...(each && { guarantees: each }) }
      return { level: 'info', message: `started, ${level}`, fields }
    }
    case 'planned': {
      const { partitions, replay } = event
      return {
        level: replay ? 'info' : 'debug',
        message: replay ? 'batch again' : 'batch',
        fields: { partitions, replay },
      }
    }
    case 'done':
      return { level: event.outcome === 'committed' ? 'debug' : 'warn', message: `batch ${event.outcome}` }
    case 'overrun':
      return { level: 'debug', message: 'the batch takes longer than the interval' }
    case 'partition-failed':
      return {
        level: 'warn',
        message: 'an attempt failed',
        fields: { attempt: event.attempt, ...errorOf(event.error) },
      }
    case 'retry': {
      const { port, attempt, delayMs, error } = event
      return { level: 'warn', message: `${port} is tried again`, fields: { port, attempt, delayMs, ...errorOf(error) } }
    }
    case 'stall':
      return { level: 'warn', message: 'nothing comes', fields: { attempt: event.attempt, idleMs: event.idleMs } }
    case 'watchdog': {
      const { attempt, idleMs, limitMs, figures } = event
      return {
        level: 'warn',
        message: 'nothing moves: the attempt is given up',
        fields: { attempt, idleMs, limitMs, ...diagnostics(figures) },
      }
    }
    case 'warning':
      return { level: 'warn', message: event.message, fields: event.error === undefined ? {} : errorOf(event.error) }
    case 'restarting': {
      const { attempt, delayMs, error } = event
      return { level: 'warn', message: 'restarts', fields: { attempt, delayMs, ...errorOf(error) } }
    }
    case 'failed':
      return { level: 'error', message: 'failed', fields: errorOf(event.error) }
    case 'stopped':
      return { level: 'info', message: 'stopped' }
    default:
      return undefined
  }
}

/** What an attempt was doing, without rows. */
function diagnostics({
  activity,
  activityMs,
  rowsRead,
  rowsWritten,
  rowsInFlight,
  chunksInFlight,
  ...moments
}: LiveFigures): object {
  const { startedAt, lastReadAt, lastWriteAt } = moments
  return {
    activity,
    activityMs,
    rowsRead,
    rowsWritten,
    rowsInFlight,
    chunksInFlight,
    startedAt,
    lastReadAt,
    lastWriteAt,
  }
}

function errorOf(error: unknown): {
  readonly error: { readonly type: string; readonly message: string; readonly code?: string }
} {
  const type = error instanceof Error ? error.name : typeof error
  return { error: { type, message: describeError(error), ...(isSluiceError(error) ? { code: error.code } : {}) } }
}
