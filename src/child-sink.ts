import { map, type Observable } from 'rxjs'
import type { Batch } from './batch.ts'
import { PortError } from './errors.ts'
import { forSink } from './idempotency.ts'
import { fromCommand, fromResult } from './result.ts'
import type { PartitionWriter, StartContext, StreamWriter, WriteContext, WriterGuarantee } from './sink.ts'

/** One of several writers that make up one: addressed by a sink id of its own, and passed over in a batch that it holds already. */
export class ChildSink<Row extends object, Message> {
  readonly id: string
  readonly #writer: StreamWriter<Row, Message>
  #holdsBatch = false

  constructor(id: string, writer: StreamWriter<Row, Message>) {
    this.id = id
    this.#writer = writer
  }

  get guarantee(): WriterGuarantee {
    return this.#writer.guarantee
  }

  /** Whether it has the batch that was begun last. */
  get holdsBatch(): boolean {
    return this.#holdsBatch
  }

  start(context: StartContext): Observable<undefined> {
    return fromCommand(() => this.#writer.start?.({ ...context, sinkId: this.id, onlySink: false }))
  }

  begin(batch: Batch): Observable<'write' | 'committed'> {
    return fromResult(`begin of sink ${this.id}`, () => this.#writer.begin?.(batch) ?? 'write').pipe(
      map((answer) => {
        if (answer !== 'write' && answer !== 'committed') {
          throw new PortError(
            `begin of sink ${this.id} must answer with "write" or "committed", and it answered with ${JSON.stringify(answer)}`,
          )
        }
        this.#holdsBatch = answer === 'committed'
        return answer
      }),
    )
  }

  open(context: WriteContext): Observable<PartitionWriter<Row, Message>> {
    return fromResult(`open of sink ${this.id}`, () => this.#writer.open(forSink(context, this.id)))
  }

  commit(messages: readonly Message[], batch: Batch): Observable<undefined> {
    return fromCommand(() => this.#writer.commit(messages, batch))
  }

  abort(messages: readonly (Message | undefined)[], batch: Batch): Observable<undefined> {
    return fromCommand(() => this.#writer.abort?.(messages, batch))
  }

  stop(): Observable<undefined> {
    return fromCommand(() => this.#writer.stop?.())
  }
}
