import assert from 'node:assert/strict'
import { canonicalOffset } from '../../offset.ts'
import { type ReadContext, readAllAvailable, type StreamReader } from '../../source.ts'
import { chunksOf, settled } from './conformance-test.ts'

/** What an engine hands to a read. */
export function readContext(partitionId: number, attempt = 0): ReadContext {
  const { signal } = new AbortController()
  return { queryId: 'conformance', batchId: 0, partitionId, attempt, signal, report: () => {} }
}

/** The rows of one slice, which is read as the checkpoint keeps it. */
export async function readPartition<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  partition: Partition,
  partitionId = 0,
  attempt = 0,
): Promise<Row[]> {
  const rows: Row[] = []
  const kept = JSON.parse(JSON.stringify(partition)) as Partition
  for await (const chunk of chunksOf(reader.read(kept, readContext(partitionId, attempt)))) rows.push(...chunk)
  return rows
}

/** The rows of a batch, one partition after the other. */
export async function readRange<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  start: Offset,
  end: Offset,
): Promise<Row[]> {
  const partitions = await settled(() => reader.partitions(start, end), 'partitions')
  const rows: Row[] = []
  for (const [index, partition] of partitions.entries()) rows.push(...(await readPartition(reader, partition, index)))
  return rows
}

/** Batches up to the head. */
export async function readAll<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  start: Offset,
  maxRows: number,
): Promise<Row[][]> {
  const batches: Row[][] = []
  for (let at = start; ; ) {
    const end = await settled(() => reader.latestOffset(at, { ...readAllAvailable, maxRows }), 'latestOffset')
    if (sameOffset(at, end)) return batches
    const isForward = reader.compare === undefined || reader.compare(at, end) < 0
    assert.ok(isForward, `compare must put ${JSON.stringify(at)} before ${JSON.stringify(end)}`)
    batches.push(await readRange(reader, at, end))
    at = end
    assert.ok(batches.length < 10_000, 'latestOffset never comes to an end')
  }
}

/** As the engine compares them. */
export function sameOffset(a: object, b: object): boolean {
  return canonicalOffset(a, 'an offset') === canonicalOffset(b, 'an offset')
}
