import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import type { StreamSource } from '../../src/data-source.ts'
import { journaled } from '../../src/journaled.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import type { AckedReader, SettlementCounts } from '../../src/source.ts'
import { readStream } from '../../src/stream.ts'
import { union } from '../../src/union.ts'
import { type Numbered, type NumberedOffset, type NumberedRange, numberSink } from '../engine/recording.ts'
import { seriesValue } from './a-monitor.ts'

/** A queue in memory that is acknowledged, or gives back; no real one can be told to fail at a certain message. */
function queue(messages: number) {
  const ready = Array.from({ length: messages }, (_, n) => n)
  const counts = { acknowledged: 0, released: 0, stale: 0, redelivered: 0, deadLettered: 0 }
  const given = new Set<number>()
  let held: number[] = []
  const reader = (): AckedReader<NumberedOffset, NumberedRange, Numbered> => ({
    kind: 'acked',
    initialOffset: () => ({ offset: 0 }),
    latestOffset: ({ offset }, { maxRows }) => {
      held = ready.splice(0, Math.min(maxRows, 4))
      counts.redelivered += held.filter((n) => given.has(n)).length
      for (const n of held) given.add(n)
      return { offset: offset + held.length }
    },
    partitions: ({ offset: from }, { offset: to }) => (from === to ? [] : [{ from, to }]),
    *read() {
      yield held.map((n) => ({ n }))
    },
    commit: () => {
      counts.acknowledged += held.length
      held = []
    },
    release: () => {
      counts.released += held.length
      ready.unshift(...held)
      held = []
    },
    settlements: () => counts,
  })
  const source: StreamSource<NumberedOffset, NumberedRange, Numbered> = { name: 'queue', streamReader: reader }
  return { source, counts, add: (...more: number[]) => ready.push(...more) }
}

const kinds = ['acknowledged', 'released', 'stale', 'redelivered', 'dead_lettered'] as const
const settled = (monitor: Monitor) =>
  Object.fromEntries(kinds.map((kind) => [kind, seriesValue(monitor, 'sluice_query_settlements_total', { kind })]))

const none: SettlementCounts = { acknowledged: 0, released: 0, stale: 0, redelivered: 0, deadLettered: 0 }

async function drained(
  monitor: Monitor,
  source: StreamSource<never, never, Numbered>,
  {
    checkpoint = memoryCheckpoint(),
    failures = 0,
  }: { readonly checkpoint?: Checkpoint; readonly failures?: number } = {},
): Promise<void> {
  let left = failures
  const sink = numberSink([], [], {
    write: () => {
      if (left-- > 0) throw new Error('full')
    },
  })
  const run = readStream(source)
    .writeStream(sink, {
      name: 'q',
      checkpoint,
      retry: { maxAttempts: 1 },
      restart: { maxAttempts: 5, backoff: { initialDelayMs: 0 } },
    })
    .start()
  monitor.watch(run)
  await run.processAllAvailable()
  await run.drain()
}

describe('settlements of a query over a queue', () => {
  it('are what became of its messages, those that were given back and came again included', async () => {
    const monitor = new Monitor()
    const { source, counts } = queue(10)
    await drained(monitor, source as never, { failures: 2 })
    expect(settled(monitor)).toEqual({ acknowledged: 10, released: 8, stale: 0, redelivered: 8, dead_lettered: 0 })
    expect(counts).toEqual({ ...none, acknowledged: 10, released: 8, redelivered: 8 })
  })

  it('go on when the same queue is read again, and with another one that begins anew, whichever has more', async () => {
    const monitor = new Monitor()
    const first = queue(6)
    await drained(monitor, first.source as never)
    first.add(6, 7)
    await drained(monitor, first.source as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 8 })
    await drained(monitor, queue(20).source as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 28 })
    await drained(monitor, queue(3).source as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 31 })
  })

  it('are told of a queue behind a journal, and of several in a union', async () => {
    const monitor = new Monitor()
    await drained(monitor, journaled(queue(5).source) as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 5 })
    const sources = { a: journaled(queue(3).source), b: journaled(queue(4).source) }
    await drained(monitor, union(sources) as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 12 })
  })

  it('that can not be had are a warning, and nothing else', async () => {
    const monitor = new Monitor()
    const { source } = queue(3)
    const broken = () => {
      throw new Error('token=hunter2')
    }
    await drained(monitor, {
      ...source,
      streamReader: () => ({ ...source.streamReader(), settlements: broken }),
    } as never)
    expect(settled(monitor)).toMatchObject({ acknowledged: 0 })
    const [query] = monitor.queries()
    expect(query?.problems.map(({ message }) => message)).toEqual([
      'the settlements of batch 0 are not known: token=***',
      'the settlements of batch 0 are not known: token=***',
    ])
    expect(seriesValue(monitor, 'sluice_partition_rows_committed_total')).toBe(3)
  })
})
