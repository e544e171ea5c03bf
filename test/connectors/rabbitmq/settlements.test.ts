import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Settled, Settlements } from '../../../src/connectors/rabbitmq/settlements.ts'

const delivered = (count: number, generation = 1): Settlements<string> => {
  const books = new Settlements<string>()
  books.opened(generation)
  for (let tag = 1; tag <= count; tag++) books.deliver(generation, tag, `m${tag}`)
  return books
}

describe('a batch', () => {
  it('is settled by one multiple acknowledgement', () => {
    const books = delivered(5)
    expect(books.plan(100, 3)).toEqual(['m1', 'm2', 'm3'])
    expect(books.read(101, 103)).toEqual(['m2', 'm3'])
    expect(books.settle(100, 103)).toEqual({ settlement: { generation: 1, upTo: 3, single: [], count: 3 }, stale: 0 })
    expect(books.outstanding).toBe(2)
    expect(books.plan(103, 9)).toEqual(['m4', 'm5'])
  })

  it('of a channel that is gone is stale: no tag of it is ever named', () => {
    const books = delivered(3)
    books.plan(0, 3)
    books.lost(1)
    expect(books.read(0, 3)).toBeUndefined()
    expect(books.settle(0, 3)).toEqual({ settlement: undefined, stale: 3 })
  })

  it('is stale also when the next channel has delivered the same tags by then', () => {
    const books = delivered(3)
    books.plan(0, 2)
    books.opened(2)
    for (let tag = 1; tag <= 3; tag++) books.deliver(2, tag, `again ${tag}`)
    expect(books.settle(0, 2)).toEqual({ settlement: undefined, stale: 2 })
    expect(books.plan(2, 9)).toEqual(['again 1', 'again 2', 'again 3'])
  })

  it('with something outstanding below it is settled one by one from there on', () => {
    const books = delivered(5)
    books.plan(0, 9, (waiting) => waiting.filter(({ tag }) => tag !== 3))
    expect(books.settle(0, 4).settlement).toEqual({ generation: 1, upTo: 2, single: [4, 5], count: 4 })
  })

  it('settled in part doesn’t reach the other part', () => {
    const books = delivered(4)
    books.plan(0, 4)
    expect(books.settle(2, 4).settlement).toEqual({ generation: 1, upTo: undefined, single: [3, 4], count: 2 })
    expect(books.settle(0, 2).settlement).toEqual({ generation: 1, upTo: 2, single: [], count: 2 })
    expect(books.settle(0, 4)).toEqual({ settlement: undefined, stale: 0 })
  })

  it('that nobody settled is planned again', () => {
    const books = delivered(3)
    books.plan(0, 2)
    expect(books.plan(0, 3)).toEqual(['m1', 'm2', 'm3'])
    expect(books.settle(0, 3).settlement?.upTo).toBe(3)
  })
})

describe('a delivery', () => {
  it('of an old channel, or of a lost one, is not taken', () => {
    const books = delivered(1)
    books.opened(2)
    expect(books.deliver(1, 2, 'late')).toBe(false)
    books.lost(2)
    expect(books.deliver(2, 1, 'late')).toBe(false)
    expect(books.waiting).toEqual([])
  })

  it('that waits can be settled alone', () => {
    const books = delivered(3)
    const [, second] = books.waiting
    expect(second && books.take(second).settlement).toEqual({ generation: 1, upTo: undefined, single: [2], count: 1 })
    expect(books.plan(0, 9)).toEqual(['m1', 'm3'])
  })
})

it('generations only grow', () => {
  const books = delivered(0, 3)
  expect(() => books.opened(3)).toThrow('expected more than 3')
})

/** A broker's side of one queue, as its documentation has it. */
class ModelBroker {
  ready: number[]
  acked: number[] = []
  channel = 0
  #tag = 0
  unacked = new Map<number, number>()

  constructor(messages: number) {
    this.ready = Array.from({ length: messages }, (_, id) => id)
  }

  reconnect(): number {
    this.ready = [...this.unacked.values(), ...this.ready].sort((a, b) => a - b)
    this.unacked = new Map()
    this.#tag = 0
    return ++this.channel
  }

  push(): { tag: number; id: number } | undefined {
    const id = this.ready.shift()
    if (id === undefined) return undefined
    this.unacked.set(++this.#tag, id)
    return { tag: this.#tag, id }
  }

  /** Whatever channel the client meant: a tag counts on the channel that it is sent on. */
  settle({ settlement }: Settled, to: (id: number) => void): void {
    if (settlement === undefined) return
    const { upTo, single } = settlement
    const tags = upTo === undefined ? [] : [...this.unacked.keys()].filter((tag) => tag <= upTo)
    if (upTo !== undefined && !this.unacked.has(upTo)) throw new Error(`406: unknown delivery tag ${upTo}`)
    for (const tag of [...tags, ...single]) {
      const id = this.unacked.get(tag)
      if (id === undefined) throw new Error(`406: unknown delivery tag ${tag}`)
      this.unacked.delete(tag)
      to(id)
    }
  }
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 7 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('plan' as const),
        max: fc.integer({ min: 1, max: 6 }),
        skip: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('commit' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const), at: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reconnect' as const, 'lost first' as const) }) },
  ),
  { maxLength: 60 },
)

it('against a model of a broker: what is acknowledged is what was committed, whatever happens when', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), steps, (messages, script) => {
      const broker = new ModelBroker(messages)
      const books = new Settlements<number>()
      books.opened(broker.reconnect())
      const committed: number[] = []
      let position = 0
      let batch: { start: number; ids: readonly number[]; channel: number } | undefined
      let stale = 0
      let expectedStale = 0
      const acked = (id: number): void => void broker.acked.push(id)

      for (const step of script) {
        if (step.do === 'push') {
          for (let i = 0; i < step.count; i++) {
            const one = broker.push()
            if (one !== undefined) books.deliver(broker.channel, one.tag, one.id)
          }
        } else if (step.do === 'plan') {
          const { max, skip } = step
          const ids = books.plan(position, max, (waiting, limit) =>
            waiting.filter((_, at) => at !== skip).slice(0, limit),
          )
          batch = ids.length === 0 ? undefined : { start: position, ids, channel: broker.channel }
          expect(ids.length).toBeLessThanOrEqual(max)
          if (batch !== undefined) expect(books.read(position, position + ids.length)).toEqual(ids)
        } else if (step.do === 'commit' && batch !== undefined) {
          // In two calls, the later ordinals first.
          const middle = batch.start + Math.floor(batch.ids.length * step.part)
          const end = batch.start + batch.ids.length
          for (const [from, to] of [
            [middle, end],
            [batch.start, middle],
          ] as const) {
            const settled = books.settle(from, to)
            stale += settled.stale
            broker.settle(settled, acked)
          }
          if (batch.channel === broker.channel) committed.push(...batch.ids)
          else expectedStale += batch.ids.length
          position = end
          batch = undefined
        } else if (step.do === 'release' && batch !== undefined) {
          const settled = books.settle(batch.start, batch.start + batch.ids.length)
          stale += settled.stale
          if (batch.channel !== broker.channel) expectedStale += batch.ids.length
          broker.settle(settled, (id) => broker.ready.unshift(id))
          broker.ready.sort((a, b) => a - b)
          position = batch.start + batch.ids.length
          batch = undefined
        } else if (step.do === 'take') {
          const one = books.waiting[step.at]
          if (one !== undefined) {
            committed.push(one.message)
            broker.settle(books.take(one), acked)
          }
        } else if (step.do === 'reconnect' || step.do === 'lost first') {
          if (step.do === 'lost first') books.lost(broker.channel)
          books.opened(broker.reconnect())
          if (batch !== undefined) expect(books.read(batch.start, batch.start + 1)).toBeUndefined()
        }
        // Nothing is forgotten: what the broker takes for outstanding is in the books.
        expect(books.outstanding).toBe(broker.unacked.size)
      }
      expect(broker.acked.toSorted((a, b) => a - b)).toEqual(committed.toSorted((a, b) => a - b))
      expect(new Set(broker.acked).size).toBe(broker.acked.length)
      expect(stale).toBe(expectedStale)
    }),
    { numRuns: 2_000 },
  )
})
