import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Settlements } from '../../../src/connectors/rabbitmq/settlements.ts'
import { Suspects } from '../../../src/connectors/rabbitmq/suspects.ts'

const same = (text: string): string => text

/** Batches of a queue until it is empty or `rounds` are over; a failed one is delivered again, in its place. */
function run(
  suspects: Suspects,
  messages: readonly string[],
  fails: (batch: readonly string[], round: number) => boolean,
  { max = 8, rounds = 200 } = {},
) {
  let queue = [...messages]
  const committed: string[] = []
  const dead: string[] = []
  const sizes: number[] = []
  for (let round = 1; round <= rounds && queue.length > 0; round++) {
    dead.push(...queue.filter((message) => suspects.isPoison(message)))
    queue = queue.filter((message) => !suspects.isPoison(message))
    const books = new Settlements<string>()
    books.opened(round)
    for (const [index, message] of queue.entries()) books.deliver(round, index + 1, message)
    const batch = books.plan(0, max, suspects.choose(same))
    if (batch.length === 0) break
    sizes.push(batch.length)
    if (fails(batch, round)) suspects.failed(batch)
    else {
      suspects.passed(batch)
      committed.push(...batch)
      queue = queue.filter((message) => !batch.includes(message))
    }
  }
  return { committed, dead, left: queue, sizes }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`)

describe('a message that fails its batches', () => {
  it('is isolated by halving, and the others go on', () => {
    const { committed, dead, sizes } = run(new Suspects(3), names(8), (batch) => batch.includes('m5'))
    expect(dead).toEqual(['m5'])
    expect(committed.toSorted()).toEqual(names(8).filter((name) => name !== 'm5'))
    expect(sizes.slice(0, 4)).toEqual([8, 8, 8, 4])
  })

  it('wherever it stands, also several of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 30 }),
        fc.array(fc.nat(29), { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 12 }),
        (count, bad, failures, max) => {
          const all = names(count)
          const poison = new Set(bad.map((at) => `m${at}`).filter((name) => all.includes(name)))
          fc.pre(poison.size < count)
          const suspects = new Suspects(failures)
          const fails = (batch: readonly string[]): boolean => batch.some((name) => poison.has(name))
          // What comes later is what shows that the sink is well.
          const { committed, dead, left } = run(suspects, all, fails, { max, rounds: 2_000 })
          const later = run(suspects, [...left, 'a', 'b', 'c', 'd', 'e'], fails, { max, rounds: 2_000 })
          expect([...dead, ...later.dead].filter((name) => !poison.has(name))).toEqual([])
          expect([...committed, ...later.committed].filter((name) => poison.has(name))).toEqual([])
          expect([...committed, ...later.committed].filter((name) => name.startsWith('m')).length).toBe(
            count - poison.size,
          )
        },
      ),
    )
  })
})

describe('a sink that is down', () => {
  it('costs no message, however long', () => {
    const { committed, dead } = run(new Suspects(2), names(10), (_batch, round) => round <= 100, { rounds: 300 })
    expect(dead).toEqual([])
    expect(committed.toSorted()).toEqual(names(10).toSorted())
  })
})

describe('a message that is alone', () => {
  it('is tried again and again, and never given up without another that got through', () => {
    const { dead, left, sizes } = run(new Suspects(1), ['m0'], () => true, { rounds: 50 })
    expect({ dead, left, tries: sizes.length }).toEqual({ dead: [], left: ['m0'], tries: 50 })
  })

  it('is given up once another one got through and it failed again', () => {
    const suspects = new Suspects(1)
    suspects.failed(['bad'])
    expect(suspects.isPoison('bad')).toBe(false)
    suspects.passed(['good'])
    expect(suspects.isPoison('bad')).toBe(false)
    suspects.failed(['bad'])
    expect(suspects.isPoison('bad')).toBe(true)
    expect(suspects.failuresOf('bad')).toBe(2)
    suspects.forget('bad')
    expect(suspects.none).toBe(true)
  })
})

it('a batch is limited only from the given number of failures on', () => {
  const suspects = new Suspects(2)
  const books = new Settlements<string>()
  books.opened(1)
  for (const [index, name] of names(4).entries()) books.deliver(1, index + 1, name)
  suspects.failed(names(4))
  expect(books.plan(0, 9, suspects.choose(same))).toEqual(names(4))
  suspects.failed(names(4))
  expect(books.plan(0, 9, suspects.choose(same))).toEqual(names(2))
})
