import { concat, concatMap, EMPTY, map, type Observable, of, switchMap } from 'rxjs'
import type { DeadLetter } from './dead-letter.ts'
import { weakerGuarantee } from './guarantee.ts'
import { forSink } from './idempotency.ts'
import { fromCommand, fromResult, type Result } from './result.ts'
import { settleAll } from './settle-all.ts'
import { deadLetterPort, type PartitionWriter, type StreamWriter, type WriteContext } from './sink.ts'

/** A writer's message together with its dead-letter sink's. */
export interface WithDeadLetters<Message, Dead> {
  /** `undefined` when that sink held the batch already. */
  readonly message: { readonly message: Message } | undefined
  /** `undefined` also when the partition had no refused rows. */
  readonly dead: { readonly message: Dead } | undefined
}

type OpenPart<Row extends object, Message> = (context: WriteContext) => Result<PartitionWriter<Row, Message>>

const deadLettersId = 'dead-letters'

/**
 * A writer that also takes the rows that were refused, into a sink of their own: sink id `<sink id>.dead-letters`.
 *
 * The rows' sink commits first, then the dead letters'. A crash in between is a replay that only the latter takes part in. Such a replay must refuse
 * the rows that were refused before (one that refuses more puts them into both sinks), so a query needs operators that are known to be deterministic.
 * The guarantee is the weaker one of both. The dead letters' sink gets messages of the partitions that had refused rows.
 */
export function withDeadLetters<Row extends object, Message, Dead>(
  main: StreamWriter<Row, Message>,
  dead: StreamWriter<DeadLetter, Dead>,
): StreamWriter<Row, WithDeadLetters<Message, Dead>> {
  const holds = { main: false, dead: false }
  const childId = (sinkId: string): string => `${sinkId}.${deadLettersId}`
  const openMain: OpenPart<Row, Message> = (context) => main.open(context)
  const openDead: OpenPart<DeadLetter, Dead> = (context) => dead.open(forSink(context, childId(context.sinkId)))
  const lettersOf = (messages: readonly (WithDeadLetters<Message, Dead> | undefined)[]): readonly Dead[] =>
    messages.flatMap((both) => (both?.dead === undefined ? [] : [both.dead.message]))
  return {
    guarantee: weakerGuarantee(main.guarantee, dead.guarantee),
    ...(main.sinkGuarantees !== undefined && {
      sinkGuarantees: { ...main.sinkGuarantees, [deadLettersId]: dead.guarantee },
    }),
    start: (context) =>
      concat(
        fromCommand(() => dead.start?.({ ...context, sinkId: childId(context.sinkId), schema: undefined })),
        fromCommand(() => main.start?.(context)),
      ),
    begin: (batch) =>
      fromResult('begin', () => main.begin?.(batch) ?? 'write').pipe(
        concatMap((answer) =>
          fromResult('begin of the dead-letter sink', () => dead.begin?.(batch) ?? 'write').pipe(
            map((deadAnswer) => {
              holds.main = answer === 'committed'
              holds.dead = deadAnswer === 'committed'
              return answer === 'committed' && !holds.dead ? 'write' : answer
            }),
          ),
        ),
      ),
    open: (context) => {
      const opened: Observable<PartitionWriter<Row, Message> | undefined> = holds.main
        ? of(undefined)
        : fromResult('open', () => openMain(context))
      return opened.pipe(
        map((partition) => new BothWriters(partition, holds.dead ? undefined : () => openDead(context))),
      )
    },
    commit: (messages, batch) =>
      concat(
        holds.main ? EMPTY : fromCommand(() => main.commit(messages.map(messageOf), batch)),
        holds.dead ? EMPTY : fromCommand(() => dead.commit(lettersOf(messages), batch)),
      ),
    abort: (messages, batch) =>
      settleAll([
        fromCommand(() =>
          holds.main
            ? undefined
            : main.abort?.(
                messages.map((both) => both?.message?.message),
                batch,
              ),
        ),
        fromCommand(() => (holds.dead ? undefined : dead.abort?.(lettersOf(messages), batch))),
      ]),
    stop: () => settleAll([fromCommand(() => main.stop?.()), fromCommand(() => dead.stop?.())]),
  }
}

function messageOf<Message>({ message }: WithDeadLetters<Message, unknown>): Message {
  return (message as { readonly message: Message }).message
}

/** The dead-letter writer is opened by the first refused row. */
class BothWriters<Row extends object, Message, Dead> implements PartitionWriter<Row, WithDeadLetters<Message, Dead>> {
  readonly #main: PartitionWriter<Row, Message> | undefined
  readonly #openDead: (() => Result<PartitionWriter<DeadLetter, Dead>>) | undefined
  #dead: PartitionWriter<DeadLetter, Dead> | undefined

  /** Either is `undefined` when that sink holds the batch already. */
  constructor(
    main: PartitionWriter<Row, Message> | undefined,
    openDead: (() => Result<PartitionWriter<DeadLetter, Dead>>) | undefined,
  ) {
    this.#main = main
    this.#openDead = openDead
  }

  readonly write = (rows: readonly Row[]): Result<unknown> => this.#main?.write(rows)

  readonly [deadLetterPort] = (letters: readonly DeadLetter[]): Result<unknown> =>
    this.#opened().pipe(switchMap((dead) => fromCommand(() => dead?.write(letters))))

  readonly finish = (): Result<WithDeadLetters<Message, Dead>> =>
    finished('finish', this.#main).pipe(
      concatMap((message) =>
        finished('finish of the dead-letter sink', this.#dead).pipe(map((dead) => ({ message, dead }))),
      ),
    )

  readonly discard = (): Result<unknown> =>
    settleAll([fromCommand(() => this.#main?.discard?.()), fromCommand(() => this.#dead?.discard?.())])

  #opened(): Observable<PartitionWriter<DeadLetter, Dead> | undefined> {
    const open = this.#openDead
    if (this.#dead !== undefined || open === undefined) return of(this.#dead)
    return fromResult('open of the dead-letter sink', open).pipe(
      map((dead) => {
        this.#dead = dead
        return dead
      }),
    )
  }
}

function finished<Message>(
  port: string,
  writer: PartitionWriter<never, Message> | undefined,
): Observable<{ readonly message: Message } | undefined> {
  return writer === undefined
    ? of(undefined)
    : fromResult(port, () => writer.finish()).pipe(map((message) => ({ message })))
}
