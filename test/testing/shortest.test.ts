import { describe, expect, it } from 'vitest'
import { readStream } from '../../src/stream.ts'
import { exploreCrashes } from '../../src/testing/explore-crashes.ts'
import type { ModelPipeline } from '../../src/testing/model.ts'
import { faultsText, parseFaults } from '../../src/testing/schedule.ts'
import * as bugs from './seeded-bugs.ts'

type Options = NonNullable<Parameters<typeof exploreCrashes>[1]>
interface Case {
  readonly pipeline: () => ModelPipeline
  readonly options?: Options
}
const table = { sources: ['replayable'], sinks: ['transactional'] } as const
const small = { ...table, rows: 3, maxRows: 2, partitions: 1 }

/** Each bug, where the explorer looks for it. */
const cases: Readonly<Record<string, Case>> = {
  'an acknowledgement before the commit': {
    pipeline: () => bugs.ackBeforeCommit,
    options: { ...small, sources: ['acked'] },
  },
  'a moving latestOffset': { pipeline: () => bugs.movingLatestOffset, options: { ...small, faults: ['crash'] } },
  'a commit that is logged before the sink committed': { pipeline: () => bugs.commitLoggedBeforeSink, options: small },
  'a plan that is not logged': { pipeline: () => bugs.unloggedPlan, options: { ...table, faults: ['crash'] } },
  'a batch id that is given to other rows': {
    pipeline: () => bugs.batchIdReused,
    options: { ...small, faults: ['crash'] },
  },
  'rows that are dropped': { pipeline: () => bugs.losesRows, options: small },
  'rows that are read twice': { pipeline: () => bugs.readsTwice, options: small },
  'a sink that forgets what it has': { pipeline: () => bugs.forgetfulSink, options: small },
  'rows that come backwards': { pipeline: () => bugs.rowsBackwards, options: small },
  'a pipeline that hangs': { pipeline: () => bugs.hangs, options: { ...small, faults: ['crash'] } },
  'a position that is taken for progress': {
    // It remembers what its process did: a new one for each look.
    pipeline: bugs.positionTakenForProgress,
    options: { ...small, faults: ['crash'] },
  },
  'a cursor that loses ties': {
    pipeline: () => bugs.losesTies,
    options: { ...table, partitions: 1, faults: ['crash'] },
  },
  'an idempotency key without ordinal': {
    pipeline: () => bugs.keyWithoutOrdinal,
    options: { ...table, sinks: ['position'], faults: ['crash'] },
  },
  'requests that are cut at the ends of chunks': {
    pipeline: () => bugs.requestsCutAtChunkEnds,
    options: { ...table, sinks: ['position'], partitions: 1, faults: ['crash'] },
  },
  'an abort after a commit in doubt': { pipeline: () => bugs.abortAfterDoubt, options: small },
  'a final offset that is written although the stream failed': {
    pipeline: () => bugs.finalOffsetAfterError,
    options: small,
  },
}

describe('the shortest failing schedule of', () => {
  it.each(Object.entries(cases))(
    '%s fails again, as it did, and without any of its faults not so',
    (_name, { pipeline, options }) => {
      const { shortest } = exploreCrashes(pipeline(), options)
      if (shortest === undefined) throw new Error('the bug was not found')
      const again = (only: string) => exploreCrashes(pipeline(), { ...options, only }).failures
      expect(again(shortest.id)).toEqual([shortest])
      expect(again(shortest.id)).toEqual([shortest])

      const [, shape = '', text = ''] = /^(.*)@(.+)$/.exec(shortest.id) ?? []
      const faults = parseFaults(text) ?? []
      expect(faults.length).toBeLessThanOrEqual(1)
      // On one row less nothing fails so, whatever of this length befalls it.
      const rows = Number(/\((\d+),/.exec(shape)?.[1] ?? options?.rows ?? 10)
      if (rows > 1) {
        const less = exploreCrashes(pipeline(), {
          ...options,
          rows: rows - 1,
          maxRows: Math.min(rows - 1, options?.maxRows ?? 4),
        })
        expect(less.failures.map(({ problem }) => problem)).not.toContain(shortest.problem)
      }
      for (const index of faults.keys()) {
        const fewer = faultsText(faults.filter((_, other) => other !== index))
        const problems = again(`${shape}@${fewer}`).map(({ problem }) => problem)
        expect(problems, `without ${text}`).not.toContain(shortest.problem)
      }
    },
  )

  it('two faults, neither of which does harm alone, keeps both', () => {
    const { shortest } = exploreCrashes(twoFaults, { ...small, faults: ['crash'], crashes: 2 })
    if (shortest === undefined) throw new Error('the bug was not found')
    const again = (only: string) => exploreCrashes(twoFaults, { ...small, only }).failures
    expect(again(shortest.id)).toEqual([shortest])
    const [, shape = '', text = ''] = /^(.*)@(.+)$/.exec(shortest.id) ?? []
    const faults = parseFaults(text) ?? []
    expect(faults).toHaveLength(2)
    for (const one of faults) expect(again(`${shape}@${faultsText([one])}`)).toEqual([])
    expect(again(`${shape}@none`)).toEqual([])
    expect(shape).toContain('(1,1,1)')
  })
})

/** A sink whose third process takes a batch for committed that it was only told of. */
const twoFaults: ModelPipeline = (() => {
  const pipeline: ModelPipeline = ({ source, sink, options }) => {
    const streamWriter = () => {
      const writer = sink()
      let epoch = 0
      return {
        ...writer,
        start: (context: Parameters<NonNullable<typeof writer.start>>[0]) => {
          epoch = context.epoch
          return writer.start?.(context)
        },
        begin: (batch: Parameters<NonNullable<typeof writer.begin>>[0]) =>
          epoch >= 3 ? ('committed' as const) : (writer.begin?.(batch) ?? ('write' as const)),
      }
    }
    return readStream(source).writeStream(streamWriter, options)
  }
  return pipeline
})()
