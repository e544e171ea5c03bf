import { Observable, type OperatorFunction, Subscription } from 'rxjs'
import type { Waiting } from '../src/activity.ts'
import type { Attempt } from '../src/batch-run.ts'
import type { DeadLetter } from '../src/dead-letter.ts'
import { rowText } from '../src/dead-letter.ts'
import { PortError } from '../src/errors.ts'
import { inPartition, type RejectedRow } from '../src/partition-scope.ts'
import { afterOne, type Result, settle } from '../src/result.ts'
import { deadLetterPort, type PartitionWriter, type StreamWriter } from '../src/sink.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

/** What a written partition leaves for the commit. */
export interface PartitionMessage<Message> {
  readonly partitionId: number
  readonly message: Message
}

/**
 * Writes a partition's chunks, one at a time: open → write … → finish, and emits the writer's message.
 *
 * When anything fails, or nobody listens any more, what was begun settles first, then the writer discards, and only then the error goes on:
 * a further attempt never meets an older one. **Hazard**: unsubscribing returns before that; `attempt.task.batch.tracker` tells when it is done.
 *
 * @returns an Observable of one message; fails with the source's or the writer's error, and with `PortError` when `open` or `finish` doesn't give
 *   its one answer.
 */
export function writeTo<Row extends object, Message>(
  writer: Pick<StreamWriter<Row, Message>, 'open'>,
  attempt: Attempt,
): OperatorFunction<readonly Row[], PartitionMessage<Message>> {
  return (source) =>
    new Observable((subscriber) => {
      const settled = attempt.task.batch.tracker.begin()
      const reading = new Subscription()
      const waiting: { readonly count: number; readonly write: () => Result<unknown> }[] = []
      let partition: PartitionWriter<Row, Message> | undefined
      let busy = false
      let looping = false
      let readDone = false
      let over = false
      let failure: { readonly error: unknown } | undefined

      const { clock } = attempt
      const call = (what: 'write' | 'finish', run: () => Result<unknown>, done: (value: unknown) => void): void => {
        busy = true
        clock.calling(what)
        settle(
          run,
          (value) => {
            busy = false
            clock.calling(undefined)
            if (over) discard()
            else {
              done(value)
              proceed()
            }
          },
          (error) => {
            busy = false
            clock.calling(undefined)
            if (over) discard()
            else giveUp({ error })
          },
        )
      }

      const proceed = (): void => {
        if (looping) return
        looping = true
        while (!busy && !over && partition !== undefined) {
          const next = waiting.shift()
          if (next !== undefined) {
            call('write', next.write, () => {
              attempt.wrote(next.count)
              attempt.demand.remove()
            })
          } else if (readDone) call('finish', finish, complete)
          else break
        }
        looping = false
      }

      // Kept even when nobody listens any more: what was opened must be discarded.
      const open = (): Result<unknown> =>
        afterOne('open', writer.open(attempt.writeContext()), (opened) => {
          if (typeof opened !== 'object' || opened === null)
            throw new PortError(`open must answer with a partition writer, and it answered with ${opened}`)
          for (const name of ['write', 'finish'] as const) {
            if (typeof opened[name] === 'function') continue
            throw new PortError(
              `open must answer with a partition writer, and "${name}" of its answer is ${typeof opened[name]}`,
            )
          }
          partition = opened
          return opened
        })

      const finish = (): Result<unknown> =>
        afterOne('finish', (partition as PartitionWriter<Row, Message>).finish(), (message) => message)

      const complete = (message: unknown): void => {
        over = true
        settled()
        subscriber.next({ partitionId: attempt.task.partitionId, message: message as Message })
        subscriber.complete()
      }

      const giveUp = (why: { readonly error: unknown } | undefined): void => {
        const settling = busy // the abort itself may settle it, and then it has discarded already
        over = true
        failure = why
        waiting.length = 0
        attempt.rowsInFlight = 0
        reading.unsubscribe()
        attempt.controller.abort(why?.error)
        if (!settling) discard()
      }

      const discard = (): void => {
        const tell = (): void => {
          settled()
          if (failure !== undefined) subscriber.error(failure.error)
        }
        clock.calling('write')
        settle(
          () => partition?.discard?.(),
          tell,
          (error) => {
            attempt.run.emit({
              type: 'warning',
              message: `discard of partition ${attempt.task.partitionId} failed`,
              error,
            })
            tell()
          },
        )
      }

      const enqueue = (count: number, write: () => Result<unknown>): void => {
        attempt.demand.add()
        attempt.rowsInFlight += count
        waiting.push({ count, write })
        proceed()
      }

      const read = (opened: PartitionWriter<Row, Message>): void => {
        const toDeadLetters = opened[deadLetterPort]
        const scope = {
          demand: attempt.demand,
          filtered: (rows: number) => {
            attempt.rowsFiltered += rows
          },
          waits: (what: Waiting | undefined) => clock.waits('operator', what),
          reject:
            toDeadLetters === undefined
              ? undefined
              : (rejected: readonly RejectedRow[]) => {
                  attempt.rowsDropped += rejected.length
                  const letters = rejected.map((row) => deadLetter(attempt, row))
                  enqueue(0, () => toDeadLetters(letters))
                },
        }
        inPartition(scope, () =>
          subscribeWithin(reading, source, {
            next: (rows) => enqueue(rows.length, () => opened.write(rows)),
            error: (error: unknown) => giveUp({ error }),
            complete: () => {
              readDone = true
              proceed()
            },
          }),
        )
      }

      // First: all of it may happen before this function returns.
      subscriber.add(() => {
        if (!over) giveUp(undefined)
      })
      call('write', open, (opened) => read(opened as PartitionWriter<Row, Message>))
    })
}

function deadLetter({ task }: Attempt, { row, reason }: RejectedRow): DeadLetter {
  const { queryId, batchId } = task.batch
  return { queryId, batchId, partitionId: task.partitionId, reason, row: rowText(row) }
}
