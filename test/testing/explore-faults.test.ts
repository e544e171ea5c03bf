import { describe, expect, it } from 'vitest'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { OptionError } from '../../src/errors.ts'
import { readStream } from '../../src/stream.ts'
import { tee } from '../../src/tee.ts'
import { exploreConnectors } from '../../src/testing/explore-connectors.ts'
import { exploreCrashes } from '../../src/testing/explore-crashes.ts'
import type { ModelPipeline } from '../../src/testing/model.ts'
import { faultsText, parseFaults, placements, schedulesOf } from '../../src/testing/schedule.ts'
import { union } from '../../src/union.ts'
import * as bugs from './seeded-bugs.ts'

const none = /^\d+ schedules, none failed$/
const small = { rows: 3, maxRows: 2, partitions: 1 }

describe('pairs of faults of all kinds lose nothing', () => {
  it.each([
    ['replayable', 'transactional'],
    ['acked', 'append'],
  ] as const)('%s → %s', (source, sink) => {
    const report = exploreCrashes(undefined, {
      rows: 2,
      maxRows: 1,
      partitions: 1,
      sources: [source],
      sinks: [sink],
      crashes: 2,
    })
    expect(report.text).toMatch(none)
    expect(report.schedules).toBeGreaterThan(1_000)
  })
})

describe('a pipeline of several', () => {
  it.each(['replayable', 'identified'] as const)('%s sources in a union loses nothing', (kind) => {
    const report = exploreCrashes(
      ({ source, sink, options, second }) =>
        readStream(union({ one: source, two: second.source })).writeStream(sink, options),
      { ...small, sources: [kind], sinks: ['transactional', 'position'] },
    )
    expect(report.text).toMatch(none)
  })

  it.each(['transactional', 'append'] as const)('%s sinks in a tee loses nothing', (kind) => {
    const report = exploreCrashes(
      ({ source, sink, options, second }) =>
        readStream(source).writeStream(tee({ main: sink, other: second.sink }), options),
      { ...small, sources: ['replayable', 'acked'], sinks: [kind] },
    )
    expect(report.text).toMatch(none)
  })

  it('is found out when one of its sinks forgets, or one of its sources', () => {
    const halfTee: ModelPipeline = (ports) => {
      const { source, options, second } = ports
      const forgetful = () => ({ ...second.sink(), commit: () => undefined })
      return readStream(source).writeStream(tee({ main: ports.sink, other: forgetful }), options)
    }
    const where = { ...small, sources: ['replayable'], sinks: ['transactional'], faults: ['crash'] } as const
    expect(exploreCrashes(halfTee, where).failures[0]?.problem).toBe('lost')
    const halfUnion: ModelPipeline = (ports) => {
      const { source, sink, options, second } = ports
      const streamReader = () => ({ ...second.source.streamReader(), read: () => [] })
      return readStream(union({ one: source, two: { ...second.source, streamReader } })).writeStream(sink, options)
    }
    expect(exploreCrashes(halfUnion, where).failures[0]).toMatchObject({
      problem: 'lost',
      detail: expect.stringContaining('rows 3, 4, 5'),
    })
  })
})

describe('exploreCrashes finds', () => {
  const find = (pipeline: ModelPipeline, options: Parameters<typeof exploreCrashes>[1]) => {
    const { shortest } = exploreCrashes(pipeline, { sinks: ['transactional'], sources: ['replayable'], ...options })
    return shortest && `${shortest.id} ${shortest.problem}`
  }

  it('a position that is taken for progress', () => {
    expect(find(bugs.positionTakenForProgress(), { ...small, faults: ['crash'] })).toMatch(/\(1,1,1\)@\d+ lost$/)
  })

  it('an acknowledgement before the commit', () => {
    expect(find(bugs.ackBeforeCommit, { ...small, sources: ['acked'], faults: ['crash'] })).toBe(
      'acked/transactional(1,1,1)@4 lost',
    )
  })

  it('a moving latestOffset', () => {
    expect(find(bugs.movingLatestOffset, { faults: ['crash'] })).toMatch(/ (?:failed|lost|stuck|unexpected)$/)
  })

  it('a cursor that loses ties, without any fault', () => {
    expect(find(bugs.losesTies, { faults: ['crash'], partitions: 1 })).toMatch(
      /^replayable\/transactional\(.*\)@none lost$/,
    )
  })

  it('an idempotency key without ordinal, without any fault', () => {
    expect(find(bugs.keyWithoutOrdinal, { sinks: ['position'], faults: ['crash'] })).toMatch(/@none lost$/)
  })

  it('requests that are cut at the ends of chunks', () => {
    expect(find(bugs.requestsCutAtChunkEnds, { sinks: ['position'], faults: ['crash'], partitions: 1 })).toMatch(
      /@\d+ repeated$/,
    )
  })

  it('a commit that is logged before the sink committed', () => {
    expect(find(bugs.commitLoggedBeforeSink, { ...small, faults: ['crash'] })).toMatch(/\(1,1,1\)@\d+ lost$/)
  })

  it('an abort after a commit in doubt', () => {
    expect(find(bugs.abortAfterDoubt, small)).toMatch(/\(1,1,1\)@landed\d+ lost$/)
  })

  it('a batch id that is given to other rows', () => {
    expect(find(bugs.batchIdReused, { ...small, faults: ['crash'] })).toMatch(/@\d+ lost$/)
  })

  it('a final offset that is written although the stream failed', () => {
    expect(find(bugs.finalOffsetAfterError, small)).toMatch(/\(1,1,1\)@fail\d+ lost$/)
  })
})

describe('each kind of fault', () => {
  it.each([
    ['crash4', undefined],
    ['fail4', '✗ has no effect, and fails'],
    ['landed4', '✗ takes effect, and fails all the same'],
    ['hang4', '✗ hangs'],
    ['slow4', '✗ takes its time'],
    ['pause4', '✗ the process stands still here'],
  ])('%s is told of', (fault, mark = '✗ the process dies here') => {
    const only = `replayable/transactional@${fault.replace('crash', '')}`
    const { failures } = exploreCrashes(undefined, { ...small, only, expected: () => false })
    expect(failures[0]?.trace.split('\n').filter((line) => line.includes('✗'))).toEqual([
      expect.stringMatching(new RegExp(`^    4  process 0  sink commits batch 0: .* {3}${mark}$`)),
    ])
  })

  it('a hang ends with a stopped query, whose call takes effect too late', () => {
    const only = 'replayable/transactional@hang3'
    const { failures } = exploreCrashes(undefined, { ...small, only, expected: () => false })
    expect(failures[0]?.trace).toContain('process 0  read [0, 2): 0 1: takes effect now\n    5  process 1  read [0, 2)')
  })

  it('a process that lost its lease meanwhile logs nothing more', () => {
    const only = 'replayable/transactional@pause3+pause6'
    const { failures } = exploreCrashes(undefined, { ...small, only, expected: () => false })
    const lines = failures[0]?.trace.split('\n') ?? []
    const woken = lines.findIndex((line) => line.includes('process 0  goes on'))
    expect(woken).toBeGreaterThan(6)
    expect(lines.slice(woken).filter((line) => /process [01] {2}log/.test(line))).toEqual([])
    expect(lines.slice(woken).some((line) => line.includes('process 0  sink commits batch 0'))).toBe(true)
  })
})

describe('exploreConnectors', () => {
  const rows = 4
  const ten = () => {
    const source = memoryStream<{ id: number }>({ partitions: 2, chunkRows: 1 })
    source.add(...Array.from({ length: rows }, (_, id) => ({ id })))
    return source
  }

  it('lets every kind of fault befall a source and a sink', async () => {
    const report = await exploreConnectors(
      () => {
        const sink = memorySink<{ id: number }>()
        return { source: ten(), sink, ids: () => sink.rows.map(({ id }) => id) }
      },
      { rows, maxRows: 3 },
    )
    expect(report.text).toMatch(none)
    expect(report.schedules).toBeGreaterThan(150)
  })

  it.each(['transactional', 'key', 'position', 'append'] as const)('takes a model for the sink: %s', async (kind) => {
    const report = await exploreConnectors(({ sink }) => ({ source: ten(), ...sink(kind) }), {
      rows,
      maxRows: 3,
      faults: ['crash', 'landed'],
    })
    expect(report.text).toMatch(none)
  })

  it.each(['replayable', 'acked'] as const)('takes a model for the source: %s', async (kind) => {
    const report = await exploreConnectors(
      ({ source }) => {
        const sink = memorySink<{ id: number }>()
        return { source: source(kind), sink, ids: () => sink.rows.map(({ id }) => id) }
      },
      { rows, maxRows: 3, faults: ['crash', 'fail', 'pause'] },
    )
    expect(report.text).toMatch(none)
  })

  it('finds a sink of one’s own that clears up when a commit is repeated', async () => {
    const report = await exploreConnectors(
      ({ source }) => {
        const sink = memorySink<{ id: number }>()
        const streamWriter = () => {
          const writer = sink.streamWriter()
          const seen = new Set<number>()
          const commit: typeof writer.commit = (parts, batch) => {
            if (seen.has(batch.batchId)) return sink.clear()
            seen.add(batch.batchId)
            return writer.commit(parts, batch)
          }
          return { ...writer, commit }
        }
        return {
          source: source('replayable'),
          sink: { name: 'own', streamWriter },
          ids: () => sink.rows.map(({ id }) => id),
        }
      },
      { rows, maxRows: 3, faults: ['landed'] },
    )
    expect(report.failures.map(({ problem }) => problem)).toContain('lost')
    expect(report.shortest?.id).toMatch(/^replayable\/own@landed\d+$/)
  })
})

describe('schedules', () => {
  it('are written and read', () => {
    for (const text of ['none', '3', '3+fail4', 'pause1+wake2', 'hang1', 'slow22', 'landed7']) {
      expect(faultsText(parseFaults(text) ?? [])).toBe(text)
    }
    for (const text of ['', '3+', 'x', 'wait3', '3-4', 'none+1']) expect(parseFaults(text)).toBeUndefined()
  })

  it('come in pairs, and only who stands still is woken', () => {
    const drain = (steps: Generator<Parameters<typeof faultsText>[0], void, number>) => {
      const found: string[] = []
      for (let step = steps.next(); step.done !== true; step = steps.next(2)) found.push(faultsText(step.value))
      return found
    }
    expect(drain(schedulesOf(['crash'], 2))).toEqual(['none', '1', '1+2', '2'])
    expect(drain(schedulesOf(['pause'], 2))).toEqual(['none', 'pause1', 'pause1+pause2', 'pause1+wake2', 'pause2'])
    expect(drain(placements(['fail', 'crash']))).toEqual(['none', 'fail1', 'fail1+2', 'fail2'])
  })

  it.each([{ faults: [] }, { faults: ['wake'] }, { crashes: 3 }])('refuse %j', async (options) => {
    expect(() => exploreCrashes(undefined, options as never)).toThrow(OptionError)
    await expect(exploreConnectors(() => Promise.reject(new Error('never')), options as never)).rejects.toThrow(
      OptionError,
    )
  })
})
