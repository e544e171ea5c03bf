import { lastValueFrom } from 'rxjs'
import type { Checkpoint } from '../../../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { type MemorySink, memorySink } from '../../../../src/connectors/memory/sink.ts'
import type { BatchSource, StreamSource } from '../../../../src/data-source.ts'
import type { LimitOptions } from '../../../../src/query-options.ts'
import type { RetryPolicy } from '../../../../src/retry.ts'
import { read, readStream } from '../../../../src/stream.ts'
import { availableNow } from '../../../../src/trigger.ts'

/** How a query is run to the end of what is there. */
export interface RunOptions<Row extends object> {
  readonly checkpoint?: Checkpoint
  readonly sink?: MemorySink<Row>
  readonly limit?: LimitOptions
  readonly retry?: Partial<RetryPolicy>
  readonly concurrency?: number
}

/** The rows that a stream has now. */
export async function streamed<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
  { checkpoint = memoryCheckpoint(), sink = memorySink<Row>(), ...options }: RunOptions<Row> = {},
): Promise<MemorySink<Row>> {
  const query = readStream(source).writeStream(() => sink.streamWriter() as never, {
    name: 'q',
    checkpoint,
    trigger: availableNow(),
    retry: { maxAttempts: 1 },
    ...options,
  })
  await lastValueFrom(query, { defaultValue: undefined })
  return sink
}

/** The rows of a batch. */
export async function batched<Partition, Row extends object>(
  source: BatchSource<Partition, Row>,
  options: Pick<RunOptions<Row>, 'retry' | 'concurrency'> = {},
): Promise<MemorySink<Row>> {
  const sink = memorySink<Row>()
  const query = read(source).write(() => sink.streamWriter() as never, { retry: { maxAttempts: 1 }, ...options })
  await lastValueFrom(query, { defaultValue: undefined })
  return sink
}
