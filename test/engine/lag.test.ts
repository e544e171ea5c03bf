import { NEVER, Observable, of, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { defineDataSource } from '../../src/data-source.ts'
import type { QueryEvent } from '../../src/events.ts'
import { perKeyOffset } from '../../src/offsets/per-key.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import type { QueryOptions } from '../../src/query-options.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow, once } from '../../src/trigger.ts'
import { union } from '../../src/union.ts'
import { type NumberedReader, numberSink, numberSource, outcomeOf } from './recording.ts'

const distance = (a: { offset: number }, b: { offset: number }): number => b.offset - a.offset
const options = (changes: Partial<QueryOptions<never>> = {}) => ({
  name: 'q',
  checkpoint: memoryCheckpoint(),
  trigger: availableNow(),
  limit: { maxRows: 2 },
  retry: { maxAttempts: 1 },
  ...changes,
})

/** The heads that a query over a source of five numbers tells in its progress, two rows a batch. */
function headsOf(changes: Partial<NumberedReader>) {
  const calls: string[] = []
  const { values, complete, error } = outcomeOf(
    readStream(numberSource(() => 5, calls, changes)).writeStream(numberSink(), options()),
  )
  expect(error).toBeUndefined()
  expect(complete).toBe(true)
  return { told: values.map(({ sources: [source] }) => [source?.latestOffset, source?.lag]), calls }
}

describe('the lag', () => {
  it('is in the progress of each batch, from its end to the head', () => {
    const { told } = headsOf({ reportLatestOffset: () => of({ offset: 5 }), distance })
    expect(told).toEqual([
      [{ offset: 5 }, 3],
      [{ offset: 5 }, 1],
      [{ offset: 5 }, 0],
    ])
  })

  it('is asked once a batch, and once more for the target', () => {
    let asked = 0
    const { calls } = headsOf({
      reportLatestOffset: () => {
        asked++
        return { offset: 5 }
      },
      distance,
    })
    expect(asked).toBe(3 + 1)
    expect(calls.filter((call) => call.startsWith('latestOffset'))).toHaveLength(3)
  })

  it('is missing where the source has no head, and where it can not count', () => {
    expect(headsOf({ distance }).told).toEqual([[], [], []].map(() => [undefined, undefined]))
    expect(headsOf({ reportLatestOffset: () => ({ offset: 5 }) }).told[0]).toEqual([undefined, undefined])
  })

  const target = () => of({ offset: 5 })
  it.each([
    ['never comes', () => NEVER],
    ['fails', () => throwError(() => new Error('down'))],
  ])('holds nothing up when it %s', (_, later) => {
    let asked = 0
    const reportLatestOffset = () => (asked++ === 0 ? target() : later())
    expect(headsOf({ reportLatestOffset, distance }).told).toHaveLength(3)
  })

  it('that can not be had is a warning', async () => {
    const reportLatestOffset = () => throwError(() => new Error('down'))
    const run = readStream(numberSource(() => 2, [], { reportLatestOffset, distance }))
      .writeStream(numberSink(), options({ trigger: once() }))
      .start()
    const warnings: QueryEvent[] = []
    run.events$.subscribe((event) => event.type === 'warning' && warnings.push(event))
    await run.terminated
    expect(warnings).toMatchObject([{ message: 'the lag of batch 0 is not known', error: { message: 'down' } }])
  })

  it('is no longer asked for when the query is over', () => {
    let open = 0
    const reportLatestOffset = () =>
      new Observable<{ offset: number }>(() => {
        open++
        return () => open--
      })
    const { complete } = outcomeOf(
      readStream(numberSource(() => 2, [], { reportLatestOffset, distance })).writeStream(
        numberSink(),
        options({ trigger: once() }),
      ),
    )
    expect([complete, open]).toEqual([true, 0])
  })

  it('is told of each source of a union', () => {
    const [eu, us] = [memoryStream<{ n: number }>(), memoryStream<{ n: number }>()]
    eu.add({ n: 1 }, { n: 2 })
    us.add({ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 })
    const { values } = outcomeOf(readStream(union({ eu, us })).writeStream(numberSink(), options()))
    expect(values[0]?.sources.map(({ description, lag }) => [description, lag])).toEqual([
      ['eu', 1],
      ['us', 3],
    ])
  })

  it('is that of each partition in a union, too, under the labels that its attempts have', async () => {
    const keyed = (heads: Readonly<Record<string, number>>) =>
      defineDataSource({
        name: 'keyed',
        schema: schema('n int not null'),
        streamReader: () => ({
          ...perKeyOffset({
            keys: Object.keys(heads),
            inner: sequenceOffset({ head: (key: string) => heads[key] as number }),
          }),
          *read({ range }: { range: { from: number; to: number } }) {
            yield Array.from({ length: range.to - range.from }, (_, i) => ({ n: range.from + i }))
          },
        }),
      })()
    const long = 'x'.repeat(500)
    const run = readStream(union({ eu: keyed({ oslo: 5, [long]: 4 }), us: keyed({ reno: 9 }) }))
      .writeStream(numberSink(), options({ limit: { maxRows: 6 } }))
      .start()
    const [told, labels] = [[] as Record<string, number>[], new Set<string>()]
    run.events$.subscribe((event) => {
      if (event.type === 'partition-started') labels.add(event.partition)
      if (event.type === 'lag') told.push(Object.assign({}, ...event.sources.map(({ partitions }) => partitions)))
    })
    await run.terminated
    expect(labels).toEqual(new Set(Object.keys(told[0] ?? {})))
    expect(Object.values(told.at(-1) ?? {})).toEqual([0, 0, 0])
    expect(told.map(({ 'us/reno': rows }) => rows)).toContain(6)
  })
})

describe('a stall', () => {
  it('names the partition that gives nothing, after a minute or what was asked for', async () => {
    for (const [stallAfter, idleMs] of [
      [undefined, 60_000],
      ['5 seconds', 5_000],
      [0, undefined],
    ] as const) {
      const scheduler = new VirtualTimeScheduler()
      const source = numberSource(() => 2, [], {
        partitionKey: ({ from }) => `from ${from}`,
        read: ({ from }) => (from === 0 ? NEVER : [[{ n: 1 }]]),
      })
      const run = readStream(source)
        .writeStream(
          numberSink(),
          options({ trigger: NEVER, scheduler, ...(stallAfter !== undefined && { stallAfter }) }),
        )
        .start()
      const stalls: QueryEvent[] = []
      run.events$.subscribe((event) => event.type === 'stall' && stalls.push(event))
      const processed = run.processAllAvailable()
      await Promise.resolve()
      await Promise.resolve()
      scheduler.flush()
      expect(stalls).toEqual(
        idleMs === undefined
          ? []
          : [{ type: 'stall', at: idleMs, batchId: 0, partitionId: 0, partition: 'from 0', attempt: 0, idleMs }],
      )
      await run.stop()
      await processed
    }
  })
})
