import { from, NEVER, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { forEachBatch } from '../../src/connectors/for-each-batch/sink.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { OptionError } from '../../src/errors.ts'
import { journaled } from '../../src/journaled.ts'
import type { PartitionWriter, StreamWriter } from '../../src/sink.ts'
import type { AckedReader, ReplayableReader } from '../../src/source.ts'
import type { CrashFailure, CrashReport } from '../../src/testing/crash-report.ts'
import { exploreConnectors } from '../../src/testing/explore-connectors.ts'
import { rows, sinks, sources } from './built-ins.ts'

const pairs = Object.entries(sources).flatMap(([source, makeSource]) =>
  Object.entries(sinks).map(([sink, { make, level }]) => ({
    name: `${source} → ${sink}`,
    level,
    make: () => ({ source: makeSource(), ...make() }),
  })),
)

describe('exploreConnectors is silent on', () => {
  it.each(pairs)('$name, with a crash after every call and log record', async ({ make }) => {
    const report = await exploreConnectors(make, { rows, maxRows: 3, faults: ['crash'] })
    expect(report.text).toBe(`${report.schedules} schedules, none failed`)
    expect(report.schedules).toBeGreaterThan(20)
  })

  it('two crashes, where rows are forgotten once they are committed', async () => {
    for (const source of ['memoryStream that forgets', 'a journaled simple reader with an identity'] as const) {
      const make = () => ({ source: sources[source](), ...sinks.memorySink.make() })
      const report = await exploreConnectors(make, { rows, maxRows: 3, crashes: 2, faults: ['crash'] })
      expect(report.text).toBe(`${report.schedules} schedules, none failed`)
    }
  })
})

describe('the guarantee that rows are held against', () => {
  it.each(pairs)('is the one that the query computed: $name, $level', async ({ make, level }) => {
    const { failures } = await exploreConnectors(make, { rows, only: 'x/y@none', expected: () => false })
    expect(failures.map(({ problem, guarantee }) => [problem, guarantee.level])).toEqual([['unexpected', level]])
  })
})

interface Numbered {
  readonly id: number
}
type Reader = ReplayableReader<{ readonly offset: number }, { readonly from: number; readonly to: number }, Numbered>

/** Six rows; those that were committed are forgotten. */
function numbers(change: (reader: Reader) => Partial<Reader> = () => ({})) {
  const stream = memoryStream<Numbered>({ partitions: 2, chunkRows: 1, forgetCommitted: true })
  stream.add(...Array.from({ length: 6 }, (_, id) => ({ id })))
  const streamReader = (): Reader => {
    const reader = stream.streamReader()
    return { ...reader, ...change(reader) }
  }
  return { name: stream.name, streamReader }
}

/** Six messages, delivered again behind the others when the one who had them is gone. */
function queue(changes: { readonly ackEarly?: boolean } = {}) {
  let ready = [0, 1, 2, 3, 4, 5]
  let taken: number[] = []
  const streamReader = (): AckedReader<{ readonly offset: number }, { readonly count: number }, Numbered> => {
    ready = [...ready, ...taken]
    taken = []
    return {
      kind: 'acked',
      initialOffset: () => ({ offset: 0 }),
      latestOffset: ({ offset }, { maxRows }) => {
        if (taken.length === 0) taken = ready.splice(0, maxRows)
        return { offset: offset + taken.length }
      },
      partitions: (start, end) => (end.offset === start.offset ? [] : [{ count: end.offset - start.offset }]),
      *read() {
        yield taken.map((id) => ({ id }))
        if (changes.ackEarly === true) taken = []
      },
      commit: () => {
        taken = []
      },
      release: () => {
        ready = [...ready, ...taken]
        taken = []
      },
    }
  }
  return { name: 'queue', streamReader }
}

function collected(change: (writer: Writer) => Partial<Writer> = () => ({})) {
  const memory = memorySink<Numbered>()
  const sink = (): Writer => {
    const writer = memory.streamWriter()
    return { ...writer, ...change(writer) }
  }
  return { sink, ids: () => memory.rows.map(({ id }) => id) }
}
type Writer = StreamWriter<Numbered, readonly Numbered[]>

function appended() {
  const ids: number[] = []
  return { sink: forEachBatch<Numbered>((rows) => ids.push(...rows.map(({ id }) => id))), ids: () => ids }
}

const six = { rows: 6, maxRows: 3, faults: ['crash'] } as const
/** Turns of the event loop: how long a call takes, without a clock. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const problems = ({ failures }: CrashReport) => [...new Set(failures.map(({ problem }) => problem))]

describe('exploreConnectors finds', () => {
  it('a sink that claims to know its batches and appends', async () => {
    const make = () => {
      const ids: number[] = []
      const apply = (rows: readonly Numbered[]) => ids.push(...rows.map(({ id }) => id))
      return { source: numbers(), sink: forEachBatch(apply, { guarantee: 'transactional' }), ids: () => ids }
    }
    const { failures } = await exploreConnectors(make, six)
    expect(failures).toHaveLength(2) // a crash after each of the two commits
    for (const { id, problem, detail, trace } of failures) {
      expect(id).toMatch(/^memory\/for_each_batch@\d+$/)
      expect([problem, detail]).toEqual(['repeated', expect.stringMatching(/^rows (0, 1, 2|3, 4, 5) reached the sink/)])
      expect(trace).toMatch(/sink commits batch \d {3}✗ the process dies here/)
    }
  })

  it('a sink that keeps what it has committed in the memory of its process', async () => {
    const make = () => {
      const stored: number[] = []
      const sink = (): Writer => {
        const buffer: number[] = []
        return {
          ...memorySink<Numbered>().streamWriter(),
          commit: (parts) => void buffer.push(...parts.flat().map(({ id }) => id)),
          stop: () => void stored.push(...buffer),
        }
      }
      return { source: numbers(), sink, ids: () => stored }
    }
    expect(problems(await exploreConnectors(make, six))).toEqual(['lost'])
  })

  it('a source that forgets rows once they are read', async () => {
    const hasty = ({ read, commit }: Reader): Partial<Reader> => ({
      *read(range, context) {
        yield* read(range, context) as Iterable<readonly Numbered[]>
        commit?.({ offset: range.to })
      },
    })
    const report = await exploreConnectors(() => ({ source: numbers(hasty), ...collected() }), six)
    expect(problems(report)).toEqual(['failed'])
    expect(report.failures[0]?.detail).toContain('are asked for, and rows')
  })

  it('a queue that acknowledges what it has handed out', async () => {
    const make = () => ({ source: queue({ ackEarly: true }), ...appended() })
    expect(problems(await exploreConnectors(make, six))).toEqual(['lost'])
  })

  it('partitions in another order than their rows', async () => {
    const reversed = ({ partitions }: Reader): Partial<Reader> => ({
      partitions: (start, end) => [...(partitions(start, end) as readonly { from: number; to: number }[])].reverse(),
    })
    const report = await exploreConnectors(() => ({ source: numbers(reversed), ...collected() }), six)
    expect(report.failures).toHaveLength(report.schedules)
    expect(problems(report)).toEqual(['reordered'])
  })

  it('a query that fails, and one that has rows of somebody else', async () => {
    const failing = () => ({
      source: numbers(),
      ...collected(() => ({ commit: () => Promise.reject(new Error('disk full')) })),
    })
    const [failed] = (await exploreConnectors(failing, { ...six, only: 'x/y@none' })).failures
    expect([failed?.problem, failed?.detail]).toEqual(['failed', expect.stringContaining('disk full')])

    const foreign = () => ({ source: numbers(), sink: memorySink<Numbered>(), ids: () => [0, 1, 2, 3, 4, 5, 99] })
    const [unexpected] = (await exploreConnectors(foreign, { ...six, only: 'x/y@none' })).failures
    expect([unexpected?.problem, unexpected?.detail]).toEqual(['unexpected', expect.stringContaining('rows 99 ')])
  })

  it('a query that hangs, and a call that outlives its process', async () => {
    const hangs = () => ({ source: numbers(), ...collected(() => ({ commit: () => NEVER })) })
    const [stuck] = (await exploreConnectors(hangs, { ...six, only: 'x/y@none', patienceMs: 50 })).failures
    expect([stuck?.problem, stuck?.detail]).toEqual(['stuck', 'the query neither went on nor ended within 50 ms'])

    const unanswered = { write: () => new Promise(() => {}), finish: () => [] }
    const deaf = () => ({ source: numbers(), ...collected(() => ({ open: () => unanswered })) })
    const details: (string | undefined)[] = []
    for (let at = 1; at <= 10; at++) {
      const { failures } = await exploreConnectors(deaf, { ...six, only: `x/y@${at}`, patienceMs: 20 })
      details.push(failures[0]?.detail)
    }
    expect(details).toContain('a call of a port did not settle within 20 ms')
  })
})

describe('exploreConnectors', () => {
  it('waits for what a dead process had under way, whose answer nobody gets', async () => {
    let writing = 0
    const atStart: number[] = []
    const slow = (): Partial<Writer> => ({
      start: () => void atStart.push(writing),
      open: () => ({
        write: async () => {
          writing++
          await turns(3)
          writing--
        },
        finish: () => [],
      }),
    })
    const { schedules, failures } = await exploreConnectors(() => ({ source: numbers(), ...collected(slow) }), six)
    expect(atStart.length).toBeGreaterThan(schedules)
    expect(atStart.filter((count) => count > 0)).toEqual([])
    for (const { trace } of failures) expect(trace.split('✗')[1] ?? '').not.toContain('process 0')
  })

  it('calls nothing any more once it has given up', async () => {
    const calls: string[] = []
    const answer = Promise.withResolvers<void>()
    const late = (): Partial<Writer> => ({ commit: () => answer.promise })
    const noting = (): Partial<Reader> => ({ commit: () => calls.push('source commit') })
    const make = () => ({ source: numbers(noting), ...collected(late), close: () => calls.push('close') })
    const { failures } = await exploreConnectors(make, { ...six, only: 'x/y@none', patienceMs: 20 })
    answer.resolve()
    await turns(10)
    expect([failures[0]?.problem, calls]).toEqual(['stuck', ['close']])
  })

  it('is the same on every run, however long its calls take', async () => {
    const delayed = (turnsOf: (partitionId: number) => number) => {
      const change = (writer: Writer): Partial<Writer> => ({
        open: async (context) => {
          await turns(turnsOf(context.partitionId))
          return writer.open(context) as PartitionWriter<Numbered, readonly Numbered[]>
        },
      })
      const make = () => ({ source: numbers(), ...collected(change) })
      return exploreConnectors(make, { ...six, maxRows: 6, only: 'x/y@none', expected: () => false })
    }
    const [rising, falling] = [await delayed((id) => 5 * id), await delayed((id) => 5 - 5 * id)]
    expect(rising.failures[0]?.trace).toContain('open partition 1 of batch 0')
    expect(falling).toEqual(rising)
  })

  it('takes readers that push, and reads in as many steps', async () => {
    const pulled = await exploreConnectors(() => ({ source: numbers(), ...collected() }), six)
    const pushes = ({ read }: Reader): Partial<Reader> => ({ read: (range, context) => from(read(range, context)) })
    const pushed = await exploreConnectors(() => ({ source: numbers(pushes), ...collected() }), six)
    expect([pulled.failures, pushed]).toEqual([[], pulled])
  })

  it('refuses a schedule that there is not, and connectors without ids', async () => {
    const make = () => ({ source: numbers(), ...collected() })
    await expect(exploreConnectors(make, { ...six, only: 'x/y@9999' })).rejects.toThrow(
      /option "only" is "x\/y@9999", and there are \d+ effects/,
    )
    const { ids: _, ...rest } = make()
    await expect(exploreConnectors(() => rest as never)).rejects.toThrow('must have "ids"')
  })

  it('refuses what no reader may answer with, as the engine does', async () => {
    const wrong = (): Partial<Reader> => ({ read: () => 7 as never })
    const make = () => ({ source: numbers(wrong), ...collected() })
    const { failures } = await exploreConnectors(make, { ...six, only: 'x/y@none' })
    expect(failures[0]?.detail).toContain('read must answer with chunks')
  })

  it('does not ask of a queue that its messages come in order', async () => {
    const make = () => {
      const source = queue()
      const identity = ({ id }: Numbered) => String(id)
      return {
        source: { ...source, streamReader: () => journaled(source.streamReader(), { identity }) },
        ...collected(),
      }
    }
    const { failures } = await exploreConnectors(make, six)
    expect(failures).toEqual([])
    expect((await exploreConnectors(() => ({ source: queue(), ...appended() }), six)).failures).toEqual([])
  })

  it('dies after every call and log record, once', async () => {
    const stoppable = (): Partial<Reader> => ({ stop: () => undefined })
    const whole = (): Partial<Writer> => ({ start: () => Promise.resolve(), stop: () => of(1, 2) })
    const make = () => ({ source: numbers(stoppable), ...collected(whole) })
    const { failures, schedules } = await exploreConnectors(make, { ...six, maxRows: 6, expected: () => false })
    const deaths = failures.flatMap(({ trace }) => /^ +\d+ {2}process 0 {2}(.*) {3}✗/m.exec(trace)?.[1] ?? [])
    expect(deaths).toHaveLength(schedules - 1)
    expect(deaths.sort()).toEqual(
      [
        'sink starts',
        'initialOffset',
        'log initial {"offset":0}',
        'latestOffset from {"offset":0}',
        'partitions of [{"offset":0}, {"offset":6})',
        'log plan 0 [{"offset":0}, {"offset":6})',
        'sink begins batch 0',
        'open partition 0 of batch 0',
        ...Array<string>(3).fill('read {"from":0,"to":3}'),
        ...Array<string>(3).fill('write 1 rows of partition 0 of batch 0'),
        'finish partition 0 of batch 0',
        'open partition 1 of batch 0',
        ...Array<string>(3).fill('read {"from":3,"to":6}'),
        ...Array<string>(3).fill('write 1 rows of partition 1 of batch 0'),
        'finish partition 1 of batch 0',
        'sink commits batch 0',
        'log done 0 committed',
        'source commit {"offset":6}',
        'latestOffset from {"offset":6}',
        'sink stops',
        'source stops',
      ].sort(),
    )
  })

  it('tells of a journal, an acknowledgement and a batch that failed', async () => {
    const none = { rows: 6, maxRows: 6, only: 'x/y@none', expected: () => false }
    const story = ({ failures }: CrashReport) =>
      failures[0]?.trace
        .replaceAll(/^ +\d+ {2}process 0 {2}/gm, '')
        .split('\n')
        .filter(
          (line) => !/^(?:initialOffset|latestOffset|partitions|open|write|finish|sink begins|log initial)/.test(line),
        )

    const source = queue()
    const streamReader = () => journaled(source.streamReader())
    const journal = await exploreConnectors(() => ({ source: { ...source, streamReader }, ...collected() }), none)
    expect(story(journal)).toEqual([
      'sink starts',
      'journal opens',
      'journal takes batch 0',
      'log journal of batch 0',
      'log journal of batch 0',
      'log plan 0 [{"offset":0}, {"offset":6})',
      'journaled source commit {"offset":6}',
      'read {"journal":true}',
      'sink commits batch 0',
      'log done 0 committed, unsynced',
    ])
    expect(story(await exploreConnectors(() => ({ source: queue(), ...appended() }), none))).toEqual([
      'sink starts',
      'log plan 0 [{"offset":0}, {"offset":6})',
      'read {"count":6}',
      'sink commits batch 0',
      'log done 0 committed, unsynced',
      'ack up to {"offset":6}',
    ])

    const write = () => Promise.reject(new Error('disk full'))
    const broken = (): Partial<Writer> => ({
      open: () => ({ write, finish: () => [], discard: () => undefined }),
      abort: () => undefined,
    })
    expect(story(await exploreConnectors(() => ({ source: queue(), ...collected(broken) }), none))).toEqual([
      'sink starts',
      'log plan 0 [{"offset":0}, {"offset":6})',
      'read {"count":6}',
      'discard partition 0 of batch 0',
      'read {"count":6}',
      'discard partition 0 of batch 0',
      'sink aborts batch 0',
      'release [{"offset":0}, {"offset":6})',
      'log done 0 abandoned, unsynced',
    ])
  })

  it('frees what was made for a schedule, also when nobody can say which rows there are', async () => {
    let open = 0
    const make = (ids: () => readonly number[]) => () => {
      open++
      return { source: numbers(), sink: memorySink<Numbered>(), ids, close: () => Promise.resolve(open--) }
    }
    await exploreConnectors(
      make(() => []),
      six,
    )
    expect(open).toBe(0)
    const unknown = make(() => {
      throw new Error('no such table')
    })
    await expect(exploreConnectors(unknown, six)).rejects.toThrow('no such table')
    expect(open).toBe(0)
  })

  it('runs the very schedule of an id again', async () => {
    const make = () => ({ source: numbers(), ...collected() })
    const { failures, text } = await exploreConnectors(make, {
      ...six,
      maxRows: 6,
      crashes: 2,
      expected: (id) => id > 0,
    })
    const first = failures.find(({ id }) => id.includes('+')) as CrashFailure
    expect(text).toContain('failed (unexpected). The shortest, memory/sink@')
    const again = await exploreConnectors(make, { ...six, maxRows: 6, only: first.id, expected: (id) => id > 0 })
    expect(again).toMatchObject({ schedules: 1, failures: [first] })
  })

  it.each([
    { only: 'memory/sink' },
    { only: '12' },
    { only: 'memory/sink@x' },
    { rows: 0 },
    { maxRows: 0 },
    { crashes: 3 as never },
    { expected: 7 as never },
    { patienceMs: 0 },
    { sinks: [] } as never,
  ])('refuses %j', async (options) => {
    const make = () => ({ source: numbers(), ...collected() })
    await expect(exploreConnectors(make, options)).rejects.toThrow(OptionError)
  })
})
