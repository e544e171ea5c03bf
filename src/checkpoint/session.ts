import { CheckpointWriteError, describeError, isSluiceError, LeaseLostError } from '../errors.ts'
import type { CheckpointSession, Recovered } from './checkpoint.ts'
import { admit, type LogEntry, type LogPosition } from './log.ts'

/** Where entries go: what the three checkpoints differ in. Plain answers stay synchronous. */
export interface LogStore {
  /** Makes the entries durable, in order. @param sync `false`: they may be made to outlive the machine with the next ones only. */
  readonly append: (entries: readonly LogEntry[], sync: boolean) => void | Promise<void>
  /** Frees the lease. */
  readonly release: () => void | Promise<void>
}

export interface OpenLog {
  /** What the errors begin with. */
  readonly name: string
  readonly queryId: string
  readonly epoch: number
  readonly recovered: Recovered
  readonly position: LogPosition
}

/**
 * The part of a session that is the same everywhere: order, repeats, and that nothing is written after an error.
 * Records are checked before the first one is written; a record that is refused breaks nothing.
 */
export function startSession(log: OpenLog, store: LogStore): CheckpointSession {
  let position = log.position
  let bytesWritten = 0
  let state: 'open' | 'closed' | { readonly failed: unknown } = 'open'

  const assertUsable = () => {
    if (state === 'open') return
    if (state === 'closed') throw new CheckpointWriteError(`${log.name}: the session is closed, nothing was written`)
    if (state.failed instanceof LeaseLostError) throw state.failed
    throw new CheckpointWriteError(`${log.name}: an earlier write failed, open the checkpoint again`, {
      cause: state.failed,
    })
  }
  const fail = (cause: unknown): never => {
    const error = isSluiceError(cause)
      ? cause
      : new CheckpointWriteError(`${log.name}: a log entry could not be made durable: ${describeError(cause)}`, {
          cause,
        })
    if (state === 'open') state = { failed: error }
    throw error
  }

  return {
    queryId: log.queryId,
    epoch: log.epoch,
    recovered: log.recovered,
    bytesWritten: () => bytesWritten,
    write: (records, { sync = true } = {}) => {
      assertUsable()
      const admitted = admit(position, records)
      const advance = () => {
        position = admitted.position
        bytesWritten += admitted.bytes
      }
      try {
        const written = store.append(admitted.entries, sync)
        if (written !== undefined) return written.then(advance, fail)
      } catch (error) {
        fail(error)
      }
      return advance()
    },
    close: () => {
      if (state === 'closed') return
      state = 'closed'
      return store.release()
    },
  }
}
