import { concat, EMPTY, map, type Observable, of, switchMap } from 'rxjs'
import type { DeadLetter } from './dead-letter.ts'
import { forSink } from './idempotency.ts'
import { fromCommand, fromResult, type Result } from './result.ts'
import { settleAll } from './settle-all.ts'
import { deadLetterPort, type PartitionWriter, type StreamWriter } from './sink.ts'

/** A writer's message together with its dead-letter sink's. */
export interface WithDeadLetters<Message, Dead> {
  readonly message: Message
  /** `undefined` when the partition had no refused rows. */
  readonly dead: { readonly message: Dead } | undefined
}

/**
 * A writer that also takes the rows that were refused, into a sink of their own: sink id `<sink id>.dead-letters`.
 *
 * Dead letters are committed first: a batch that counts as committed has no refused row unaccounted for. After a crash in between they are
 * written again, unless that sink recognises the batch.
 */
export function withDeadLetters<Row extends object, Message, Dead>(
  main: StreamWriter<Row, Message>,
  dead: StreamWriter<DeadLetter, Dead>,
): StreamWriter<Row, WithDeadLetters<Message, Dead>> {
  let deadHasBatch = false
  const childId = (sinkId: string): string => `${sinkId}.dead-letters`
  return {
    guarantee: main.guarantee,
    start: (context) =>
      concat(
        fromCommand(() => dead.start?.({ ...context, sinkId: childId(context.sinkId), schema: undefined })),
        fromCommand(() => main.start?.(context)),
      ),
    begin: (batch) =>
      fromResult('begin', () => main.begin?.(batch) ?? 'write').pipe(
        switchMap((answer) =>
          fromResult('begin of the dead-letter sink', () => dead.begin?.(batch) ?? 'write').pipe(
            map((deadAnswer) => {
              deadHasBatch = deadAnswer === 'committed'
              return answer
            }),
          ),
        ),
      ),
    open: (context) =>
      fromResult('open', () => main.open(context)).pipe(
        map(
          (partition) =>
            new BothWriters(partition, () =>
              deadHasBatch ? undefined : dead.open(forSink(context, childId(context.sinkId))),
            ),
        ),
      ),
    commit: (messages, batch) =>
      concat(
        deadHasBatch
          ? EMPTY
          : fromCommand(() =>
              dead.commit(
                messages.flatMap(({ dead }) => (dead === undefined ? [] : [dead.message])),
                batch,
              ),
            ),
        fromCommand(() =>
          main.commit(
            messages.map(({ message }) => message),
            batch,
          ),
        ),
      ),
    abort: (messages, batch) =>
      settleAll([
        fromCommand(() =>
          main.abort?.(
            messages.map((both) => both?.message),
            batch,
          ),
        ),
        fromCommand(() =>
          dead.abort?.(
            messages.flatMap((both) => (both?.dead === undefined ? [] : [both.dead.message])),
            batch,
          ),
        ),
      ]),
    stop: () => settleAll([fromCommand(() => main.stop?.()), fromCommand(() => dead.stop?.())]),
  }
}

/** The dead-letter writer is opened by the first refused row. */
class BothWriters<Row extends object, Message, Dead> implements PartitionWriter<Row, WithDeadLetters<Message, Dead>> {
  readonly #main: PartitionWriter<Row, Message>
  readonly #openDead: () => Result<PartitionWriter<DeadLetter, Dead>> | undefined
  #dead: PartitionWriter<DeadLetter, Dead> | undefined

  constructor(
    main: PartitionWriter<Row, Message>,
    openDead: () => Result<PartitionWriter<DeadLetter, Dead>> | undefined,
  ) {
    this.#main = main
    this.#openDead = openDead
  }

  readonly write = (rows: readonly Row[]): Result<unknown> => this.#main.write(rows)

  readonly [deadLetterPort] = (letters: readonly DeadLetter[]): Result<unknown> =>
    this.#opened().pipe(
      switchMap((dead) => (dead === undefined ? of(undefined) : fromCommand(() => dead.write(letters)))),
    )

  readonly finish = (): Result<WithDeadLetters<Message, Dead>> =>
    fromResult('finish', () => this.#main.finish()).pipe(
      switchMap((message) => {
        const dead = this.#dead
        if (dead === undefined) return of({ message, dead: undefined })
        return fromResult('finish of the dead-letter sink', () => dead.finish()).pipe(
          map((letters) => ({ message, dead: { message: letters } })),
        )
      }),
    )

  readonly discard = (): Result<unknown> =>
    settleAll([fromCommand(() => this.#main.discard?.()), fromCommand(() => this.#dead?.discard?.())])

  #opened(): Observable<PartitionWriter<DeadLetter, Dead> | undefined> {
    if (this.#dead !== undefined) return of(this.#dead)
    return fromResult(
      'open of the dead-letter sink',
      () => this.#openDead() as Result<PartitionWriter<DeadLetter, Dead> | undefined>,
    ).pipe(
      map((dead) => {
        this.#dead = dead
        return dead
      }),
    )
  }
}
