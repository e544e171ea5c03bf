import { concat, type Observable, of } from 'rxjs'
import type { Batch } from '../batch.ts'
import type { StreamWriter, WriteContext, WriterGuarantee } from '../sink.ts'
import type { Process } from './crash-world.ts'

/** A row as a sink may get it: at least the model source's `id`. */
export interface ModelOut {
  readonly id: number
}

/** How a model sink takes a batch twice. */
export type ModelSinkKind = 'transactional' | 'key' | 'position' | 'append'

/** What is durable on the other side, whatever process wrote it. */
export class ModelSink {
  readonly kind: ModelSinkKind
  readonly #rows: number[] = []
  readonly #ledger = new Set<string>()

  constructor(kind: ModelSinkKind) {
    this.kind = kind
  }

  /** The ids in the sink, in the order in which they became visible. */
  get ids(): readonly number[] {
    return this.#rows
  }

  writer(process: Process): StreamWriter<ModelOut, readonly number[]> {
    return this.kind === 'transactional' ? this.#transactional(process) : this.#direct(process, this.kind)
  }

  #transactional(process: Process): StreamWriter<ModelOut, readonly number[]> {
    const entry = ({ queryId, batchId }: Batch): string => `${queryId}/${batchId}`
    const mine = new Map<string, readonly number[]>()
    return {
      guarantee: 'transactional',
      begin: (batch) => process.ask(() => (this.#ledger.has(entry(batch)) ? 'committed' : 'write')),
      open: () => {
        const staged: number[] = []
        return {
          write: (rows) => process.ask(() => staged.push(...rows.map(({ id }) => id))),
          finish: () => process.ask((): readonly number[] => staged),
        }
      },
      commit: (messages, batch) =>
        process.effect(`sink commits batch ${batch.batchId}: ${messages.flat().join(' ')}`, () => {
          if (this.#ledger.has(entry(batch))) return
          this.#ledger.add(entry(batch))
          this.#rows.push(...messages.flat())
          mine.set(entry(batch), messages.flat())
        }),
      // It drops what this writer wrote for the batch, on the word that nothing of it was committed.
      abort: (_, batch) =>
        process.effect(`sink aborts batch ${batch.batchId}`, () => {
          for (const id of mine.get(entry(batch)) ?? []) this.#rows.splice(this.#rows.indexOf(id), 1)
        }),
    }
  }

  #direct(process: Process, kind: 'key' | 'position' | 'append'): StreamWriter<ModelOut, readonly number[]> {
    const guarantee: WriterGuarantee = kind === 'append' ? 'append' : { idempotent: kind }
    return {
      guarantee,
      open: (context) => {
        let ordinal = 0
        return {
          write: (rows) => {
            const requests = rows.map(({ id }) => this.#request(process, kind, id, context, ordinal++))
            return requests.length === 0 ? of([]) : concat(...requests)
          },
          finish: () => process.ask(() => []),
        }
      },
      commit: (_, batch) => process.effect(`sink ends batch ${batch.batchId}`, () => undefined),
    }
  }

  #request(
    process: Process,
    kind: 'key' | 'position' | 'append',
    id: number,
    context: WriteContext,
    ordinal: number,
  ): Observable<unknown> {
    const key = kind === 'key' ? String(id) : context.idempotencyKey(ordinal, 1, [{ id }])
    return process.effect(`write ${id}${kind === 'append' ? '' : ` under ${shorten(key)}`}`, () => {
      if (kind !== 'append' && this.#ledger.has(key)) return
      this.#ledger.add(key)
      this.#rows.push(id)
    })
  }
}

/** Without the query's id, which is different on every run. */
function shorten(key: string): string {
  return key.includes('/') ? key.slice(key.indexOf('/') + 1) : key
}
