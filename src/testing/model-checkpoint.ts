import { concat, defer, from, map, type Observable, tap, throwError } from 'rxjs'
import type { Checkpoint, CheckpointSession, LogRecord } from '../checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../checkpoint/memory.ts'
import { LeaseLostError } from '../errors.ts'
import { fromCommand, fromResult } from '../result.ts'
import type { Process } from './crash-world.ts'

/** A store that outlives its processes, and whose lease goes to whoever opens it. */
export class ModelStore {
  readonly #store: Checkpoint
  #holder: { readonly lose: () => void } | undefined

  constructor(store: Checkpoint = memoryCheckpoint()) {
    this.#store = store
  }

  /**
   * The checkpoint as one process sees it: every record is an effect of its own, because a prefix of a write may survive a crash. When it dies, its machine does:
   * what wasn't synced before is lost.
   */
  checkpoint(process: Process): Checkpoint {
    return {
      durable: true,
      open: (query) =>
        defer(() => {
          this.#holder?.lose()
          return fromResult('open', () => this.#store.open(query))
        }).pipe(map((session) => this.#session(session, process))),
    }
  }

  #session(session: CheckpointSession, process: Process): CheckpointSession {
    let lost = false
    let answered = true
    const unsynced: LogRecord[] = []
    const sync = (...records: LogRecord[]) => session.write([...unsynced.splice(0), ...records])
    const holder = {
      lose: () => {
        lost = true
        fromCommand(() => session.close()).subscribe()
      },
    }
    this.#holder = holder
    const letGo = (sound: boolean): void => {
      if (this.#holder !== holder) return
      this.#holder = undefined
      if (sound) sync()
      fromCommand(() => session.close()).subscribe()
    }
    // The system takes a dead process's lock away. What the process died of stands; what it wrote before that may not have been on the disk yet.
    process.onDeath(() => letGo(!answered))
    const write = (record: LogRecord, synced: boolean): Observable<unknown> => {
      if (lost)
        return throwError(() => new LeaseLostError(`another process has the lease: ${describe(record)} is not written`))
      if (synced) return process.effect(`log ${describe(record)}`, () => sync(record))
      const keep = (): void => {
        unsynced.push(record)
        answered = false
      }
      return process.effect(`log ${describe(record)}, unsynced`, keep).pipe(
        tap(() => {
          answered = true
        }),
      )
    }
    return {
      queryId: session.queryId,
      epoch: session.epoch,
      recovered: session.recovered,
      write: (records, { sync: synced = true } = {}) =>
        concat(...records.map((record) => defer(() => write(record, synced)))),
      readJournal: (batchId) => from(session.readJournal?.(batchId) ?? []),
      close: () => process.ask(() => letGo(true)),
    }
  }
}

function describe(record: LogRecord): string {
  if ('initial' in record) return `initial ${JSON.stringify(record.initial)}`
  if ('journal' in record) return `journal of batch ${record.journal}`
  if ('done' in record) return `done ${record.done} ${record.outcome}`
  const { batchId, start, end } = record.plan
  return `plan ${batchId} [${JSON.stringify(start)}, ${JSON.stringify(end)})`
}
