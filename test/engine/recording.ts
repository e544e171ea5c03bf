import { asyncScheduler, type Observable } from 'rxjs'
import type { StreamSource } from '../../src/data-source.ts'
import type { Result } from '../../src/result.ts'
import type { StreamWriter } from '../../src/sink.ts'
import type { ReplayableReader } from '../../src/source.ts'

export interface Numbered {
  readonly n: number
}

export interface NumberedOffset {
  readonly offset: number
}

export interface NumberedRange {
  readonly from: number
  readonly to: number
}

export type NumberedReader = ReplayableReader<NumberedOffset, NumberedRange, Numbered>

export const numbers = (from: number, to: number): Numbered[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

/** A source of the numbers 0, 1, 2, … below `head()`, two partitions a batch, which notes every call of its ports in `calls`. */
export function numberSource(
  head: () => number,
  calls: string[] = [],
  changes: Partial<NumberedReader> = {},
): StreamSource<NumberedOffset, NumberedRange, Numbered> {
  return {
    name: 'numbers',
    streamReader: () => ({
      initialOffset: () => {
        calls.push('initialOffset')
        return { offset: 0 }
      },
      latestOffset: ({ offset }, { maxRows }) => {
        calls.push(`latestOffset ${offset} ${maxRows}`)
        return { offset: Math.min(offset + maxRows, Math.max(offset, head())) }
      },
      partitions: (start, end) => {
        calls.push(`partitions [${start.offset}, ${end.offset})`)
        const middle = Math.ceil((start.offset + end.offset) / 2)
        return [
          { from: start.offset, to: middle },
          { from: middle, to: end.offset },
        ].filter(({ from, to }) => from < to)
      },
      *read({ from, to }) {
        calls.push(`read [${from}, ${to})`)
        yield numbers(from, to)
      },
      compare: (a, b) => a.offset - b.offset,
      commit: ({ offset }) => {
        calls.push(`source commit ${offset}`)
      },
      stop: () => {
        calls.push('source stop')
      },
      ...changes,
    }),
  }
}

type NumberWriter = StreamWriter<Numbered, readonly number[]>

/** A writer that notes its calls; what it committed is in `rows`. Answers of single ports can be replaced. */
export function numberSink(
  calls: string[] = [],
  rows: number[] = [],
  changes: Partial<NumberWriter> & {
    write?: (ns: readonly number[], partitionId: number, attempt: number) => Result<unknown>
  } = {},
): () => NumberWriter {
  const { write, ...others } = changes
  return () => ({
    guarantee: 'transactional',
    start: ({ epoch }) => {
      calls.push(`sink start ${epoch}`)
    },
    begin: ({ batchId }) => {
      calls.push(`begin ${batchId}`)
      return 'write'
    },
    open: ({ batchId, partitionId, attempt }) => {
      const staged: number[] = []
      calls.push(`open ${batchId}/${partitionId}/${attempt}`)
      return {
        write: (chunk) => {
          const ns = chunk.map(({ n }) => n)
          staged.push(...ns)
          return write?.(ns, partitionId, attempt)
        },
        finish: (): readonly number[] => staged,
        discard: () => {
          calls.push(`discard ${batchId}/${partitionId}/${attempt}`)
        },
      }
    },
    commit: (messages, { batchId }) => {
      calls.push(`sink commit ${batchId}: ${messages.map((m) => m.join(' ')).join(' | ')}`)
      rows.push(...messages.flat())
    },
    abort: (messages, { batchId }) => {
      calls.push(`sink abort ${batchId}: ${messages.map((m) => m?.join(' ')).join(' | ')}`)
    },
    stop: () => {
      calls.push('sink stop')
    },
    ...others,
  })
}

/**
 * Subscribes and notes how it ended: for sources and sinks that answer synchronously. Time stands still meanwhile, so that a slow machine
 * doesn't give the engine a reason to leave others a turn.
 */
export function outcomeOf<T>(run: Observable<T>): { values: T[]; error?: unknown; complete: boolean } {
  const outcome: { values: T[]; error?: unknown; complete: boolean } = { values: [], complete: false }
  const { now } = asyncScheduler
  const stopped = now.call(asyncScheduler)
  asyncScheduler.now = () => stopped
  try {
    run.subscribe({
      next: (value) => outcome.values.push(value),
      error: (error: unknown) => {
        outcome.error = error
      },
      complete: () => {
        outcome.complete = true
      },
    })
  } finally {
    asyncScheduler.now = now
  }
  return outcome
}
