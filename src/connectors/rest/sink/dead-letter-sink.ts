import { lastValueFrom } from 'rxjs'
import type { Batch } from '../../../batch.ts'
import type { BoundSink } from '../../../data-source.ts'
import { forSink } from '../../../idempotency.ts'
import { fromCommand, fromResult } from '../../../result.ts'
import type { PartitionWriter, StartContext, StreamWriter, WriteContext } from '../../../sink.ts'
import type { RefusedRow } from './refused-row.ts'

/** The refused rows of one attempt at a partition. */
export interface RefusedPartition<Dead> {
  readonly write: (rows: readonly RefusedRow[]) => Promise<unknown>
  /** `undefined` where there were none. */
  readonly finish: () => Promise<{ readonly message: Dead } | undefined>
  readonly discard: () => Promise<unknown>
}

/** The sink of the refused rows within the sink that they were meant for: of the same batches, under the sink id `<sink id>.refused`. */
export class DeadLetterSink<Dead> {
  readonly #writer: StreamWriter<RefusedRow, Dead>

  constructor(sink: BoundSink<RefusedRow, Dead>) {
    this.#writer = sink.streamWriter()
  }

  get guarantee(): StreamWriter<RefusedRow, Dead>['guarantee'] {
    return this.#writer.guarantee
  }

  start(context: StartContext): Promise<unknown> {
    const own = { ...context, sinkId: idOf(context), schema: undefined }
    return lastValueFrom(fromCommand(() => this.#writer.start?.(own)))
  }

  begin(batch: Batch): Promise<'write' | 'committed'> {
    return lastValueFrom(fromResult('begin of the dead-letter sink', () => this.#writer.begin?.(batch) ?? 'write'))
  }

  /** Its writer is opened by the first refused row. */
  open(context: WriteContext): RefusedPartition<Dead> {
    let opened: PartitionWriter<RefusedRow, Dead> | undefined
    const open = () => this.#writer.open(forSink(context, idOf(context)))
    return {
      write: async (rows) => {
        opened ??= await lastValueFrom(fromResult('open of the dead-letter sink', open))
        const partition = opened
        await lastValueFrom(fromCommand(() => partition.write(rows)))
      },
      finish: async () => {
        const partition = opened
        if (partition === undefined) return undefined
        return { message: await lastValueFrom(fromResult('finish of the dead-letter sink', () => partition.finish())) }
      },
      discard: () => lastValueFrom(fromCommand(() => opened?.discard?.())),
    }
  }

  commit(messages: readonly Dead[], batch: Batch): Promise<unknown> {
    return lastValueFrom(fromCommand(() => this.#writer.commit(messages, batch)))
  }

  abort(messages: readonly Dead[], batch: Batch): Promise<unknown> {
    return lastValueFrom(fromCommand(() => this.#writer.abort?.(messages, batch)))
  }

  stop(): Promise<unknown> {
    return lastValueFrom(fromCommand(() => this.#writer.stop?.()))
  }
}

function idOf({ sinkId }: { readonly sinkId: string }): string {
  return `${sinkId}.refused`
}
