import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamSink, StreamSource } from '../../src/data-source.ts'
import type { AckedReader, StreamReader } from '../../src/source.ts'
import { chunksOf, done, settled } from '../../src/testing/conformance/conformance-test.ts'
import { overriding } from '../../src/testing/conformance/saturation.ts'
import type { WorkerPlan } from './pairs.ts'
import type { Numbered } from './sources.ts'

/** What a pair does wrong on purpose, so that a test can see that the run finds it. */
export type SeededBug = 'drops a chunk after a kill' | 'acks before the commit' | 'repeats a batch'

/** The sink of a pair with its bug, or as it is. */
export function seededSink<Message>(
  { seeded, folder }: WorkerPlan,
  sink: StreamSink<Numbered, Message>,
): StreamSink<Numbered, Message> {
  if (seeded === 'drops a chunk after a kill') {
    const marker = `${folder}/.started`
    const isFirstStart = !existsSync(marker)
    writeFileSync(marker, '')
    return isFirstStart ? sink : changing(sink, (rows, write) => (write === 0 ? [] : [rows]))
  }
  if (seeded === 'repeats a batch') return changing(sink, (rows, write) => (write < 2 ? [rows, rows] : [rows]))
  return sink
}

/** @param change the chunks that are written for one; `write` counts them from the start of the process. */
function changing<Message>(
  sink: StreamSink<Numbered, Message>,
  change: (rows: readonly Numbered[], write: number) => readonly (readonly Numbered[])[],
): StreamSink<Numbered, Message> {
  let writes = 0
  return () => {
    const writer = typeof sink === 'function' ? sink() : sink.streamWriter()
    const open: typeof writer.open = async (context) => {
      const partition = await settled(() => writer.open(context))
      const write: typeof partition.write = async (rows) => {
        for (const chunk of change(rows, writes++)) await done(() => partition.write(chunk))
      }
      return overriding(partition, { write })
    }
    return overriding(writer, { open })
  }
}

/** The queue of a pair with its bug, or as it is: its messages are acknowledged when they were read, a moment before the sink commits them. */
export function seededQueue<Offset extends object, Partition, Row extends object>(
  { seeded }: WorkerPlan,
  source: StreamSource<Offset, Partition, Row>,
): StreamSource<Offset, Partition, Row> {
  if (seeded !== 'acks before the commit') return source
  const streamReader = () => {
    const reader = source.streamReader() as AckedReader<Offset, Partition, Row>
    let end: Offset | undefined
    const partitions: typeof reader.partitions = (start, to) => {
      end = to
      return reader.partitions(start, to)
    }
    async function* read(...[partition, context]: Parameters<typeof reader.read>) {
      const chunks: (readonly Row[])[] = []
      for await (const chunk of chunksOf(reader.read(partition, context))) chunks.push(chunk)
      if (end !== undefined) await done(() => reader.commit(end as Offset))
      await sleep(100)
      yield* chunks
    }
    return overriding(reader, { partitions, read }) as StreamReader<Offset, Partition, Row>
  }
  return { ...source, streamReader }
}
