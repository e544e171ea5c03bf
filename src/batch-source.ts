import { bindPorts } from './bind-ports.ts'
import type { BatchReader, ReplayableReader } from './source.ts'

/** A batch reader as a stream of one batch. */
export function batchAsStream<Partition, Row extends object>(
  reader: BatchReader<Partition, Row>,
): ReplayableReader<{ readonly batch: number }, Partition, Row> {
  return {
    initialOffset: () => ({ batch: 0 }),
    latestOffset: () => ({ batch: 1 }),
    partitions: () => reader.partitions(),
    read: (partition, context) => reader.read(partition, context),
    compare: (a, b) => a.batch - b.batch,
    ...bindPorts(reader, ['partitionKey', 'stop']),
  }
}
