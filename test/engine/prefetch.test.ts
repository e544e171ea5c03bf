import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { from, Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { journaled } from '../../src/journaled.ts'
import { fromResult } from '../../src/result.ts'
import { fromSimple } from '../../src/simple-reader.ts'
import { type ReadContext, readAllAvailable, type StreamReader } from '../../src/source.ts'
import { readStream } from '../../src/stream.ts'
import { outcomeNow } from '../operators/outcome-now.ts'
import { type Numbered, type NumberedOffset, numberSink, numbers } from './recording.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A simple source of two numbers a batch. Notes what it was asked, and keeps its answers weakly. */
function pairs() {
  const calls: string[] = []
  const handedOut: WeakRef<Numbered[]>[] = []
  const handOut = (call: string, from: number, to: number): Numbered[] => {
    const rows = numbers(from, to)
    calls.push(call)
    handedOut.push(new WeakRef(rows))
    return rows
  }
  const reader = {
    initialOffset: () => ({ offset: 0 }),
    read: ({ offset }: NumberedOffset) => ({
      rows: handOut(`read ${offset}`, offset, offset + 2),
      end: { offset: offset + 2 },
    }),
    readBetween: (start: NumberedOffset, end: NumberedOffset) =>
      handOut(`readBetween ${start.offset} ${end.offset}`, start.offset, end.offset),
  }
  /** How many of the answers are still in memory. */
  const inMemory = async (): Promise<number> => {
    await new Promise(setImmediate) // a weak reference holds until the end of the turn that made or read it
    collectGarbage()
    return handedOut.filter((rows) => rows.deref() !== undefined).length
  }
  return { reader, calls, inMemory }
}

type Kind = readonly [
  name: string,
  make: (reader: ReturnType<typeof pairs>['reader']) => StreamReader<NumberedOffset, unknown, Numbered>,
]
const kinds: readonly Kind[] = [
  ['a simple reader', (reader) => fromSimple(reader) as StreamReader<NumberedOffset, unknown, Numbered>],
  [
    'a journaled simple reader',
    (reader) => journaled<NumberedOffset, Numbered>(reader) as StreamReader<NumberedOffset, unknown, Numbered>,
  ],
]

describe.each(kinds)('what %s handed out', (_, make) => {
  function waitingQuery(commit: Subject<void>) {
    const { reader, calls, inMemory } = pairs()
    const tick = new Subject<void>()
    const source = { name: 'pairs', streamReader: () => make(reader) }
    const query = readStream(source).writeStream(numberSink([], [], { commit: () => commit }), {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: tick,
    })
    return { run: query.subscribe(), tick, calls, inMemory }
  }

  it('is out of memory once its batch is committed, while the query waits for the next one', async () => {
    const commit = new Subject<void>()
    const { run, tick, calls, inMemory } = waitingQuery(commit)
    tick.next()
    commit.complete()
    expect(calls).toEqual(['read 0'])
    expect(await inMemory()).toBe(0)
    tick.next()
    expect(calls).toEqual(['read 0', 'read 2'])
    expect(await inMemory()).toBe(0)
    run.unsubscribe()
  })
})

describe('what a simple reader handed out', () => {
  const context = {} as ReadContext
  const rowsOf = (reader: ReturnType<typeof reading>['simple'], start: number, end: number) =>
    outcomeNow(from(reader.read({ start: { offset: start }, end: { offset: end } }, context))).values.flat()

  function reading() {
    const { reader, calls, inMemory } = pairs()
    const simple = fromSimple(reader)
    const look = (offset: number) =>
      outcomeNow(fromResult('latestOffset', () => simple.latestOffset({ offset }, readAllAvailable))).values
    return { simple, look, calls, inMemory }
  }

  it('is kept until then, so that a failed partition reads it again without asking', async () => {
    const { simple, look, calls, inMemory } = reading()
    expect(look(0)).toEqual([{ offset: 2 }])
    expect(rowsOf(simple, 0, 2)).toEqual(numbers(0, 2))
    expect(await inMemory()).toBe(1)
    expect(rowsOf(simple, 0, 2)).toEqual(numbers(0, 2))
    expect(calls).toEqual(['read 0'])
  })

  it('is forgotten with the commit of its end, and not with that of an earlier batch', async () => {
    const { simple, look, calls } = reading()
    look(2)
    simple.commit?.({ offset: 2 }) // of the batch before, once more
    rowsOf(simple, 2, 4)
    expect(calls).toEqual(['read 2'])
    simple.commit?.({ offset: 4 })
    expect(rowsOf(simple, 2, 4)).toEqual(numbers(2, 4))
    expect(calls).toEqual(['read 2', 'readBetween 2 4'])
  })

  it('is nothing when there was nothing: it is asked anew at each look', () => {
    let offset = 0
    const read = (): { rows: Numbered[]; end: NumberedOffset } => ({ rows: numbers(0, offset), end: { offset } })
    const { latestOffset } = fromSimple({ initialOffset: () => ({ offset: 0 }), read, readBetween: () => [] })
    const look = () =>
      outcomeNow(fromResult('latestOffset', () => latestOffset({ offset: 0 }, readAllAvailable))).values
    expect(look()).toEqual([{ offset: 0 }])
    offset = 3
    expect(look()).toEqual([{ offset: 3 }])
  })
})
