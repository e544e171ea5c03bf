import { describe, expect, it } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { mapRows } from '../../operators/map-rows.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import type { StreamSource } from '../../src/data-source.ts'
import type { DeadLetter } from '../../src/dead-letter.ts'
import { OptionError } from '../../src/errors.ts'
import { schema } from '../../src/schema.ts'
import type { ReplayableReader } from '../../src/source.ts'
import { readStream } from '../../src/stream.ts'
import { tee } from '../../src/tee.ts'
import { exploreCrashes } from '../../src/testing/explore-crashes.ts'
import { union } from '../../src/union.ts'
import * as bugs from './seeded-bugs.ts'

const crash = { faults: ['crash'] } as const

/** The same source, without `commit`. */
function untold<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
): StreamSource<Offset, Partition, Row> {
  return {
    ...source,
    streamReader: () => {
      const { commit: _, ...reader } = source.streamReader() as ReplayableReader<Offset, Partition, Row>
      return reader
    },
  }
}

describe('exploreCrashes is silent on', () => {
  it('every pair of model source and sink, with a crash after every effect', () => {
    const report = exploreCrashes()
    expect(report.text).toBe(`${report.schedules} schedules, none failed`)
    expect(report.schedules).toBeGreaterThan(16 * 15)
  })

  it('every pair, with two crashes', () => {
    const report = exploreCrashes(undefined, { rows: 6, maxRows: 3, crashes: 2, faults: ['crash'] })
    expect(report.text).toBe(`${report.schedules} schedules, none failed`)
  })

  it('one partition, more partitions than rows, a row a batch, everything in a batch', () => {
    for (const shape of [{ partitions: 1 }, { partitions: 9 }, { maxRows: 1, rows: 4 }, { maxRows: 100 }]) {
      expect(exploreCrashes(undefined, { ...shape, ...crash }).failures).toEqual([])
    }
  })

  // Its log says that a batch is done together with the next plan.
  it('a source that is told of no commit, with two crashes', () => {
    const report = exploreCrashes(
      ({ source, sink, options }) => readStream(untold(source)).writeStream(sink, options),
      {
        sources: ['replayable'],
        rows: 6,
        maxRows: 2,
        crashes: 2,
        ...crash,
      },
    )
    expect(report.text).toMatch(/none failed$/)
    expect(report.schedules).toBeGreaterThan(100)
  })

  it("a pipeline with a user's operators", () => {
    const report = exploreCrashes(
      ({ source, sink, options }) =>
        readStream(source)
          .pipe(
            mapRows((row) => ({ ...row, odd: row.id % 2 === 1 })),
            filterRows(({ odd }) => odd),
          )
          .writeStream(sink, options),
      { expected: (id) => id % 2 === 1, ...crash },
    )
    expect(report.text).toMatch(/none failed$/)
  })
})

describe('exploreCrashes is silent on a pipeline behind', () => {
  it('a union', () => {
    const report = exploreCrashes(
      ({ source, sink, options }) => readStream(union({ only: source })).writeStream(sink, options),
      { sources: ['replayable', 'journaled', 'identified'], ...crash },
    )
    expect(report.text).toMatch(/none failed$/)
  })

  it('a tee', () => {
    const report = exploreCrashes(
      ({ source, sink, options }) => readStream(source).writeStream(tee({ main: sink }), options),
      crash,
    )
    expect(report.text).toMatch(/none failed$/)
  })

  it('a dead-letter sink', () => {
    const report = exploreCrashes(
      ({ source, sink, options }) =>
        readStream({ ...source, schema: schema('id int not null') }).writeStream(sink, {
          ...options,
          mode: 'dropMalformed',
          deadLetters: memorySink<DeadLetter>(),
        }),
      crash,
    )
    expect(report.text).toMatch(/none failed$/)
  })
})

describe('exploreCrashes finds', () => {
  it.each([
    [
      'an acknowledgement before the commit',
      bugs.ackBeforeCommit,
      { sources: ['acked'], sinks: ['transactional'] },
      'lost',
    ],
    ['a moving latestOffset', bugs.movingLatestOffset, { sources: ['replayable'], sinks: ['transactional'] }, 'failed'],
    [
      'a commit that is logged before the sink committed',
      bugs.commitLoggedBeforeSink,
      { sources: ['replayable'], sinks: ['transactional'] },
      'lost',
    ],
    ['a plan that is not logged', bugs.unloggedPlan, { sources: ['replayable'], sinks: ['transactional'] }, 'lost'],
    [
      'a plan that is not logged (position keys)',
      bugs.unloggedPlan,
      { sources: ['replayable'], sinks: ['position'], partitions: 3 },
      'lost',
    ],
    [
      'a batch id that is given to other rows',
      bugs.batchIdReused,
      { sources: ['replayable'], sinks: ['transactional'] },
      'lost',
    ],
    ['rows that are dropped', bugs.losesRows, {}, 'lost'],
    ['a pipeline that hangs', bugs.hangs, {}, 'stuck'],
  ] as const)('%s', (_name, pipeline, where, problem) => {
    const report = exploreCrashes(pipeline, { ...where, ...crash })
    expect(report.failures.map((failure) => failure.problem)).toContain(problem)
  })

  it('an order of offsets that a moving latestOffset broke, by compare', () => {
    const { failures } = exploreCrashes(bugs.movingLatestOffset, {
      ...crash,
      sources: ['replayable'],
      sinks: ['transactional'],
    })
    expect(failures.some(({ detail }) => detail.includes('latestOffset went back'))).toBe(true)
  })
})

describe('exploreCrashes holds the rows against the guarantee:', () => {
  it('nothing may be repeated without a crash, and after one where no more than at-least-once is promised', () => {
    const { failures } = exploreCrashes(bugs.readsTwice, { ...crash, sources: ['replayable'], sinks: ['append'] })
    expect(failures.map(({ id, problem, detail }) => [id, problem, detail])).toEqual([
      ['replayable/append@none', 'repeated', 'rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 reached the sink more than once'],
    ])
  })

  it.each([
    ['replayable', [[0, 1, 2, 3], [4, 5, 6], [7], [8], [9]], []],
    [
      'identified',
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
      ],
      ['receive'],
    ],
  ] as const)('%s rows may not be repeated by a restart, where once is promised', (source, batches, forgotten) => {
    const { failures } = exploreCrashes(bugs.forgetfulSink, { ...crash, sources: [source], sinks: ['transactional'] })
    expect(new Set(failures.map(({ problem }) => problem))).toEqual(new Set(['repeated']))
    const deaths = batches.map((ids, batchId) =>
      failures
        .filter(({ detail }) => detail === `rows ${ids.join(', ')} reached the sink more than once`)
        .map(({ trace }) => [deathIn(trace), `sink commits batch ${batchId}: ${ids.join(' ')}`] as const),
    )
    expect(deaths.flat()).toHaveLength(failures.length)
    for (const deathsOfBatch of deaths)
      expect(deathsOfBatch.filter(([death, itsCommit]) => death === itsCommit)).toHaveLength(1)
    // Besides, where the log may forget that a batch is done: until the next plan is synced.
    const later = deaths.flat().flatMap(([death = '', itsCommit]) => (death === itsCommit ? [] : [death]))
    expect(new Set(later.map((death) => death.replace(/ .*/, '')))).toEqual(new Set(forgotten))
  })

  it.each(['acked', 'journaled'] as const)(
    '%s rows may be repeated by a restart, where no more is promised',
    (source) => {
      expect(
        exploreCrashes(bugs.forgetfulSink, { ...crash, sources: [source], sinks: ['transactional'] }).failures,
      ).toEqual([])
    },
  )

  it('a table keeps its order where exactly-once is promised', () => {
    const { failures, schedules } = exploreCrashes(bugs.rowsBackwards, {
      ...crash,
      sources: ['replayable'],
      sinks: ['transactional'],
    })
    expect(failures).toHaveLength(schedules)
    expect(new Set(failures.map(({ problem, detail }) => `${problem}: ${detail}`))).toEqual(
      new Set(['reordered: rows reached the sink in the order 1, 0, 3, 2, 5, 4, 6, 7, 8, 9']),
    )
  })

  it('nothing else promises an order', () => {
    const others = exploreCrashes(bugs.rowsBackwards, { ...crash, sources: ['acked', 'journaled', 'identified'] })
    const otherSinks = exploreCrashes(bugs.rowsBackwards, { ...crash, sinks: ['key', 'position', 'append'] })
    expect([others.failures, otherSinks.failures]).toEqual([[], []])
  })
})

describe('exploreCrashes lets the process die', () => {
  it('after every effect of a table, its commit and what comes before that', () => {
    const { failures, schedules } = exploreCrashes(undefined, {
      ...crash,
      sources: ['replayable'],
      sinks: ['transactional'],
      rows: 4,
      partitions: 1,
      expected: () => false, // so that every schedule is told
    })
    expect(failures).toHaveLength(schedules)
    expect(new Set(failures.map(({ trace }) => deathIn(trace)))).toEqual(
      new Set([
        undefined,
        'log initial {"position":0}',
        'log plan 0 [{"position":0}, {"position":3})',
        'read [0, 3): 0 1',
        'read [0, 3): 2',
        'sink commits batch 0: 0 1 2',
        'log done 0 committed',
        'source commit 3',
        'log plan 1 [{"position":3}, {"position":4})',
        'read [3, 4): 3',
        'sink commits batch 1: 3',
        'log done 1 committed',
        'source commit 4',
      ]),
    )
    expect(schedules).toBe(13)
  })

  it('between the commit of a table and the plan that tells of it, and between the two of one write', () => {
    const { failures } = exploreCrashes(
      ({ source, sink, options }) => readStream(untold(source)).writeStream(sink, options),
      {
        ...crash,
        sources: ['replayable'],
        sinks: ['transactional'],
        rows: 4,
        partitions: 1,
        expected: () => false,
      },
    )
    const deaths = failures.map(({ trace }) => deathIn(trace))
    expect(deaths).toEqual(
      expect.arrayContaining([
        'sink commits batch 0: 0 1 2',
        'log done 0 committed',
        'log plan 1 [{"position":3}, {"position":4})',
        'log done 1 committed, unsynced',
      ]),
    )
  })

  it('between the commit of a table and whatever comes next', () => {
    const { failures } = exploreCrashes(bugs.ackBeforeCommit, {
      ...crash,
      sources: ['replayable'],
      sinks: ['transactional'],
      maxRows: 2,
      partitions: 1,
    })
    const found = failures.map(({ problem, trace }) => `${problem} after ${deathIn(trace)}`)
    expect(found).toEqual([2, 4, 6, 8, 10].map((position) => `lost after source commit ${position}`))
  })
})

describe('a report', () => {
  const options = { sources: ['acked'], sinks: ['transactional'], ...crash } as const
  const report = exploreCrashes(bugs.ackBeforeCommit, options)
  const [first] = report.failures

  it('names the shortest failing schedule on the fewest rows, and tells its story', () => {
    expect(report.text.replace(/^\d+ schedules, \d+/, 'n schedules, n')).toBe(
      [
        'n schedules, n failed (lost). The shortest, acked/transactional(1,1,1)@4, promises at-least-once; lost: rows 0 never reached the sink',
        '    1  process 0  log initial {"position":0}',
        '    2  process 0  log plan 0 [{"position":0}, {"position":1})',
        '    3  process 0  receive [0, 1): 0',
        '    4  process 0  ack up to 1   ✗ the process dies here',
        '    5  process 1  log done 0 abandoned',
      ].join('\n'),
    )
    expect(first?.trace).toMatch(/ack up to 2 {3}✗ the process dies here/)
  })

  it('replays the shortest one', () => {
    const { shortest } = report
    const again = exploreCrashes(bugs.ackBeforeCommit, { only: shortest?.id as string })
    expect(again.failures).toEqual([shortest])
  })

  it('is the same on every run', () => {
    expect(exploreCrashes(bugs.ackBeforeCommit, options)).toEqual(report)
  })

  it('replays a schedule from its id', () => {
    const again = exploreCrashes(bugs.ackBeforeCommit, { only: first?.id as string })
    expect(again).toMatchObject({ schedules: 1, failures: [first] })
  })

  it.each(['acked/append', 'acked/append@x', 'other/append@1', 'acked/append(1,0,1)@1', 'acked/append@hangs1'])(
    'refuses the id %j',
    (only) => {
      expect(() => exploreCrashes(undefined, { only })).toThrow(OptionError)
    },
  )
})

/** The effect after which the first process of a story died. */
function deathIn(trace: string): string | undefined {
  return /^ +\d+ {2}process 0 {2}(.*) {3}✗/m.exec(trace)?.[1]
}
