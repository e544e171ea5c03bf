import type { BatchOutcome } from '../batch.ts'
import { CheckpointLockedError } from '../errors.ts'
import { validateOptions } from '../options.ts'
import type { Checkpoint, CheckpointSession } from './checkpoint.ts'
import { decodeJournal } from './journal.ts'
import type { LogEntry } from './log.ts'
import { defaultRetain, type RetainOption, retainRule } from './options.ts'
import type { LoggedPlan } from './plan-text.ts'
import { assertSources, type Log, recover } from './recovery.ts'
import { startSession } from './session.ts'

/** Options of {@link memoryCheckpoint}. */
export interface MemoryCheckpointOptions extends RetainOption {}

/**
 * A checkpoint that lasts as long as this object: opening it again after `close` recovers.
 * Everything is synchronous, so that a query runs within the virtual time of a TestScheduler. For tests and for batches that needn't outlive the process.
 */
export function memoryCheckpoint(options: MemoryCheckpointOptions = {}): Checkpoint {
  validateOptions('memoryCheckpoint', options, { retain: retainRule })
  const retain = options.retain ?? defaultRetain
  const queryId = crypto.randomUUID()
  const log = new MemoryLog(retain)
  let epoch = 0
  let held = false

  return {
    durable: false,
    open: ({ sources }): CheckpointSession => {
      if (held) throw new CheckpointLockedError('memoryCheckpoint: it is open already; close the other session first')
      const recovery = recover(log.read(queryId, sources))
      log.sources = [...sources]
      log.discardUnplanned()
      held = true
      epoch += 1
      const session = startSession(
        { name: 'memoryCheckpoint', queryId, epoch, ...recovery },
        {
          append: (entries) => {
            for (const entry of entries) log.append(entry)
          },
          release: () => {
            held = false
          },
        },
      )
      return { ...session, retain, readJournal: (batchId) => log.journal(batchId) }
    },
  }
}

/** Texts and bytes only, so that nothing in it can change from outside. */
class MemoryLog {
  readonly #retain: number
  #initial: string | undefined
  readonly #plans = new Map<number, string>()
  readonly #outcomes = new Map<number, BatchOutcome>()
  readonly #journals = new Map<number, Uint8Array[]>()
  sources: readonly string[] | undefined

  constructor(retain: number) {
    this.#retain = retain
  }

  read(queryId: string, sources: readonly string[]): Log {
    assertSources('memoryCheckpoint', this.sources ?? sources, sources)
    const batches = [...this.#plans].map(([batchId, text]) => {
      const plan = JSON.parse(text) as LoggedPlan
      return { batchId, end: plan.end, plan }
    })
    return {
      queryId,
      sources: [...sources],
      initial: this.#initial === undefined ? undefined : (JSON.parse(this.#initial) as object),
      batches,
      outcomes: this.#outcomes,
      name: { initial: 'initial offset', plan: (id) => `plan ${id}`, done: (id) => `done ${id}` },
    }
  }

  append(entry: LogEntry): void {
    switch (entry.kind) {
      case 'initial':
        this.#initial = JSON.stringify(entry.offset)
        break
      case 'journal':
        if (entry.chunk === 0) this.#journals.set(entry.batchId, [])
        this.#journals.get(entry.batchId)?.push(entry.rows)
        break
      case 'plan':
        this.#plans.set(entry.plan.batchId, entry.text)
        this.#purge(entry.plan.batchId - this.#retain)
        break
      case 'done':
        this.#outcomes.set(entry.batchId, entry.outcome)
    }
  }

  journal(batchId: number): Iterable<readonly unknown[]> {
    const records = this.#journals.get(batchId) ?? []
    return records.map((rows, chunk) => decodeJournal(rows, `journal ${batchId}-${chunk}`))
  }

  /** Journals of a batch that was never planned: its rows come again. */
  discardUnplanned(): void {
    for (const batchId of this.#journals.keys()) if (!this.#plans.has(batchId)) this.#journals.delete(batchId)
  }

  #purge(oldest: number): void {
    for (const batchId of this.#plans.keys()) {
      if (batchId >= oldest) return
      this.#plans.delete(batchId)
      this.#outcomes.delete(batchId)
      this.#journals.delete(batchId)
    }
  }
}
