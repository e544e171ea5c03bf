import { describe, expect, it } from 'vitest'
import type { QueryEventBody } from '../src/events.ts'
import { ProgressBuilder, type SourceProgress } from '../src/progress.ts'

const guarantee = { level: 'exactly-once', reason: 'because' } as const

/** The sources of a batch's progress, after some events. */
function sourcesAfter(
  events: readonly QueryEventBody[],
  { batchId = 0, sources = ['numbers'], start = { offset: 0 }, end = { offset: 4 } as object } = {},
): readonly SourceProgress[] {
  const builder = new ProgressBuilder({ id: 'id', runId: 'run', name: 'q', sources, sink: 'sink', guarantee })
  builder.observe({ type: 'triggered', at: 0 })
  for (const event of events) builder.observe({ at: 0, ...event })
  return builder.finish({ queryId: 'id', batchId, start, end, partitions: [], replay: false }, 10).sources
}

describe('the progress of a source', () => {
  it('has its head, and how many rows it is ahead', () => {
    const lag = { source: 'numbers', latestOffset: { offset: 9 }, rows: 5 }
    const [source] = sourcesAfter([{ type: 'lag', batchId: 0, sources: [lag] }])
    expect(source).toMatchObject({ endOffset: { offset: 4 }, latestOffset: { offset: 9 }, lag: 5 })
  })

  it('goes without what was not told, or was told of the batch before', () => {
    const late = {
      type: 'lag',
      batchId: 0,
      sources: [{ source: 'numbers', latestOffset: { offset: 9 }, rows: 5 }],
    } as const
    for (const [source] of [sourcesAfter([]), sourcesAfter([late], { batchId: 1 })]) {
      expect(source).not.toHaveProperty('latestOffset')
      expect(source).not.toHaveProperty('lag')
    }
  })

  it('has what was told of a replay before its trigger fired', () => {
    const builder = new ProgressBuilder({
      id: 'id',
      runId: 'run',
      name: 'q',
      sources: ['numbers'],
      sink: 'sink',
      guarantee,
    })
    builder.observe({
      at: 0,
      type: 'lag',
      batchId: 3,
      sources: [{ source: 'numbers', latestOffset: { offset: 9 }, rows: 0 }],
    })
    builder.observe({ at: 1, type: 'triggered' })
    const batch = { queryId: 'id', batchId: 3, start: {}, end: {}, partitions: [], replay: true }
    expect(builder.finish(batch, 2).sources).toMatchObject([{ latestOffset: { offset: 9 }, lag: 0 }])
  })

  it('has its own part of a union’s', () => {
    const sources = sourcesAfter(
      [
        {
          type: 'lag',
          batchId: 0,
          sources: [
            { source: 'eu', latestOffset: { offset: 3 }, rows: 1 },
            { source: 'us', latestOffset: { offset: 8 }, rows: 6 },
          ],
        },
      ],
      { sources: ['us', 'eu'], end: { eu: { offset: 2 }, us: { offset: 2 } } },
    )
    expect(sources).toMatchObject([
      { description: 'us', endOffset: { offset: 2 }, latestOffset: { offset: 8 }, lag: 6 },
      { description: 'eu', endOffset: { offset: 2 }, latestOffset: { offset: 3 }, lag: 1 },
    ])
  })
})

describe('a progress that was told', () => {
  const header = { id: 'id', runId: 'run', name: 'q', sources: ['numbers'], sink: 'sink', guarantee }
  const batch = { queryId: 'id', batchId: 0, start: {}, end: {}, partitions: [], replay: false }

  it('stays as it was told, whatever is told of the batch later', () => {
    const builder = new ProgressBuilder(header)
    builder.observe({ at: 1, type: 'triggered' })
    builder.observe({ at: 2, type: 'phase', phase: 'addBatch', durationMs: 1 })
    const told = builder.finish(batch, 5)
    const before = structuredClone(told)
    builder.observe({ at: 6, type: 'phase', phase: 'addBatch', durationMs: 7 })
    builder.observe({ at: 6, type: 'phase', phase: 'commitOffsets', durationMs: 7 })
    expect(told).toEqual(before)
    expect(told.durationMs).toEqual({ addBatch: 1, triggerExecution: 4 })
  })

  it('has the time of its own trigger, also within a millisecond and when the clock goes back', () => {
    const builder = new ProgressBuilder(header)
    const times = [1, 1, 2, 1].map((at) => {
      builder.observe({ at, type: 'triggered' })
      return builder.finish(batch, at).timestamp
    })
    expect(times).toEqual([1, 1, 2, 1].map((at) => new Date(at).toISOString()))
  })
})
