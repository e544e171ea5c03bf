import type { Observable } from 'rxjs'
import { Circuit, type CircuitState } from '../../../circuit.ts'
import type { BoundSink } from '../../../data-source.ts'
import { PortError } from '../../../errors.ts'
import { weakerGuarantee } from '../../../guarantee.ts'
import type { StreamWriter, WriteContext, WriterGuarantee } from '../../../sink.ts'
import { clientOf } from '../http/client.ts'
import { type ClientOptions, clientSettings } from '../http/options.ts'
import type { HttpClient } from '../http/types.ts'
import { tellWaits, Waits } from '../http/waits.ts'
import { DeadLetterSink } from './dead-letter-sink.ts'
import { Delivery } from './delivery.ts'
import { type HttpSinkOptions, type HttpSinkSettings, httpSinkSettings, type Idempotency } from './options.ts'
import { type CountedAttempt, RefusalLimit } from './refusal-limit.ts'
import { type HttpMessage, RequestWriter } from './request-writer.ts'
import { isOutage, type Send, sendingBy, sendingThrough } from './sending.ts'

/** What {@link httpSink} gives. */
export interface HttpSink<Row extends object, Dead> extends BoundSink<Row, HttpMessage<Dead>> {
  /** Of the option `breaker`: the present state of the circuit, then each change; `closed` for ever without it. */
  readonly circuit$: Observable<CircuitState>
}

/** The way to the receiver, for as long as a run lasts. */
export interface Connection {
  readonly client: Pick<HttpClient, 'close'>
  readonly send: Send
}

/** The rows that a sink takes: with option `idempotency: { key }` they have that column. */
export type HttpSinkRow<Row extends object, Key extends string> = string extends Key ? Row : Row & KeyColumn<Key>

type KeyColumn<Key extends string> = { readonly [Name in Key]: string | number | bigint | boolean | Date | null }

/**
 * Sends rows to an HTTP API, 500 a request unless told otherwise: `httpSink({ url: 'https://api.example.com/rows', auth: bearer({ env: 'TOKEN' }) })`.
 *
 * Each request carries a key that is the same on every retry and replay (option `idempotency`), because it is cut at fixed ordinals of its partition and not
 * where chunks end.
 * The guarantee is what the receiver makes of it: `{ idempotent: 'position' }` with keys, `{ idempotent: 'key' }` with a natural one, `append` without.
 *
 * | the receiver | becomes |
 * |---|---|
 * | 2xx, `okStatuses` | delivered; but for the rows that `rowErrors` reads out of the answer: refused, or sent again, each time under a key of its own (`…/again-1`, `…/again-2`, …) |
 * | 408, 425, 429, 5xx, no answer; with keys also 409 | tried again (option `retry`), then an error that the query may retry |
 * | 413 | halved; a row that is too large alone is refused. So is one whose `{column}` makes a URL that is too long (414) |
 * | 400, 422 (`isRowError`) | halved down to the rows that are refused; the others are delivered |
 * | anything else: 401, 403, 404, a redirect | the batch fails |
 *
 * **Refused rows** go to the sink `deadLetters`, with reason, status and attempt, under the sink id `<sink id>.refused`; so does a row that JSON can't hold.
 * They become visible when the batch commits, after all its rows were delivered. A dead-letter sink that is transactional has each of them once, and a batch
 * that it holds is skipped unread when it is replayed. Without `deadLetters` a refused row fails the batch, and the error names it; nothing is ever only dropped.
 *
 * **Hazards**, of keys for requests; those of single rows (`field`, `key`) know neither:
 * - A receiver must refuse a request as a whole. One that takes some rows and then answers 400 gets these again, in a half, under another key.
 * - A receiver must answer a key again as it did first. One that refused a request and takes it in a replay has the rows of its halves twice; one that only
 *   says "seen" hides which rows it didn't take.
 *
 * **When the receiver is down**, with `breaker`: requests wait instead of failing, the source is read no further, and once the circuit is open a single request
 * probes. The circuit belongs to what this function returns, so that restarts of the query share it. Attempts still have their time-outs; what ends the wait is
 * the receiver's return or the query's end.
 *
 * Types: dates become ISO 8601 texts, bigints digits as text (`bigints`), bytes base64; NaN and infinities are refused.
 *
 * @throws OptionError
 */
export function httpSink<Row extends object = object, Dead = never, const Key extends string = string>(
  options: HttpSinkOptions<Row, Dead, Key>,
): HttpSink<HttpSinkRow<Row, Key>, Dead> {
  const settings = httpSinkSettings(options)
  const { client: clientOptions } = settings
  const { retry, scheduler } = clientSettings('httpSink', clientOptions)
  const circuit = new Circuit('httpSink: breaker', {
    ...settings.breaker,
    whenOpen: 'wait',
    isFailure: (error) => isOutage(error, retry.retryable),
    scheduler,
  })
  const connect = (): Connection => {
    if (settings.breaker === undefined) {
      const client = clientOf('httpSink', clientOptions)
      return { client, send: sendingBy(client) }
    }
    const once: ClientOptions = { ...clientOptions, retry: { ...clientOptions.retry, maxAttempts: 1 } }
    const client = clientOf('httpSink', once)
    return { client, send: sendingThrough(circuit, client, { retry, scheduler }) }
  }
  let runs = 0
  return {
    name: settings.name,
    circuit$: circuit.state$,
    streamWriter: () => httpWriter(settings, { retry, scheduler }, connect, runs++),
  }
}

/** The writer behind {@link httpSink}, with a way to the receiver of its own. @param earlierRuns of the same sink in this process. */
export function httpWriter<Row extends object, Dead>(
  settings: HttpSinkSettings<Row, Dead>,
  timing: Pick<ReturnType<typeof clientSettings>, 'retry' | 'scheduler'>,
  connect: () => Connection,
  earlierRuns = 0,
): StreamWriter<Row, HttpMessage<Dead>> {
  const { batchSize, concurrency, deadLetters } = settings
  const dead = deadLetters === undefined ? undefined : new DeadLetterSink(deadLetters)
  const limit = new RefusalLimit(settings.maxDeadLetters)
  const own = guaranteeOf(settings.idempotency)
  let connection: Connection | undefined
  let firstBatch: number | undefined
  /** Of the batch under way: it may be written once more as a whole, partitions that were finished too. */
  let counts: CountedAttempt[] = []
  /** The first batch of a run may be one that earlier runs and processes have tried; those after it are new. */
  const triesOf = ({ batchId, epoch, attempt }: WriteContext): number => {
    firstBatch ??= batchId
    return attempt + (batchId === firstBatch ? Math.max(1, epoch) + earlierRuns : 1)
  }
  return {
    guarantee: dead === undefined ? own : weakerGuarantee(own, dead.guarantee),
    start: async (context) => {
      await dead?.start(context)
      connection = connect()
    },
    // It commits last: what it holds was delivered.
    begin: (batch) => dead?.begin(batch) ?? 'write',
    open: (context) => {
      if (connection === undefined) throw new PortError('httpSink: the writer is used before it was started')
      const counted = limit.attempt()
      counts.push(counted)
      const waits = new Waits(context.report)
      tellWaits(context.signal, waits)
      const client = { ...timing, auth: settings.client.auth }
      const delivery = new Delivery(
        { settings, client, send: connection.send, counted, tries: triesOf(context) },
        context,
      )
      const refused = dead?.open(context) ?? noRefusedRows
      const discard = async (): Promise<void> => {
        counted.forget()
        await refused.discard()
      }
      return new RequestWriter<Row, Dead>({
        batchSize,
        concurrency,
        deliver: (slice) => waits.during(() => delivery.deliver(slice)),
        refused: { ...refused, discard },
      })
    },
    commit: (messages, batch) => {
      counts = []
      return dead?.commit(messages.flatMap(deadOf), batch)
    },
    abort: (messages, batch) => {
      for (const counted of counts) counted.forget()
      counts = []
      return dead?.abort(messages.flatMap(deadOf), batch)
    },
    stop: async () => {
      try {
        await connection?.client.close()
      } finally {
        await dead?.stop()
      }
    },
  }
}

function guaranteeOf(idempotency: Idempotency): WriterGuarantee {
  if (idempotency === 'none') return 'append'
  return { idempotent: 'key' in idempotency ? 'key' : 'position' }
}

function deadOf<Dead>(message: HttpMessage<Dead> | undefined): readonly Dead[] {
  return message?.dead === undefined ? [] : [message.dead.message]
}

/** Without a sink for them there are none: the first one fails the delivery. */
const noRefusedRows = {
  write: async () => undefined,
  finish: async () => undefined,
  discard: async () => undefined,
} as const
