import { take, timer, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import type { AckedReader } from '../../src/source.ts'
import { readStream } from '../../src/stream.ts'
import { type Numbered, type NumberedOffset, type NumberedRange, numberSink } from './recording.ts'

/** A queue whose connection can be lost: what was delivered and not acknowledged is in the queue again, and can't be acknowledged any more. */
class FragileQueue {
  readonly ready: number[]
  #delivered: readonly number[] = []
  #start = 0

  constructor(messages: number) {
    this.ready = Array.from({ length: messages }, (_, i) => i)
  }

  lose(): void {
    this.ready.unshift(...this.#delivered)
    this.#delivered = []
  }

  held(from: number, to: number): readonly number[] {
    const held = from === this.#start ? this.#delivered : []
    if (held.length !== to - from) throw new Error('gone with its connection')
    return held
  }

  /** @param step told of each call once it has had its effect. */
  reader(step: (port: string) => void, holds: boolean): AckedReader<NumberedOffset, NumberedRange, Numbered> {
    const { held } = { held: (from: number, to: number) => this.held(from, to) }
    return {
      kind: 'acked',
      initialOffset: () => ({ offset: 0 }),
      latestOffset: ({ offset }) => {
        this.lose() // a plan that came to nothing
        this.#start = offset
        this.#delivered = this.ready.splice(0, 3)
        const end = { offset: offset + this.#delivered.length }
        step('latestOffset')
        return end
      },
      partitions: (start, end) => {
        step('partitions')
        return [{ from: start.offset, to: end.offset }]
      },
      *read({ from, to }) {
        yield held(from, to).map((n) => ({ n }))
        step('read')
      },
      ...(holds && {
        hold: (start: NumberedOffset, end: NumberedOffset) => {
          held(start.offset, end.offset)
          step('hold')
        },
      }),
      commit: () => {
        this.#delivered = [] // they are gone for good; after a loss there are none
        step('ack')
      },
      release: () => {
        this.lose()
        step('release')
      },
    }
  }
}

/** Runs nine messages through a query, and loses the connection after the given call. */
function run(loseAfter: number, holds: boolean) {
  const queue = new FragileQueue(9)
  const calls: string[] = []
  const rows: number[] = []
  const step = (port: string): void => {
    calls.push(port)
    if (calls.length === loseAfter) queue.lose()
  }
  const source = { name: 'fragile', streamReader: () => queue.reader(step, holds) }
  const sink = numberSink([], rows, {
    commit: (messages) => {
      rows.push(...messages.flat())
      step('sink commit')
    },
  })
  const scheduler = new VirtualTimeScheduler()
  let error: unknown
  readStream(source)
    .writeStream(sink, {
      name: 'fragile',
      checkpoint: memoryCheckpoint(),
      trigger: ({ scheduler: time }) => timer(0, 1, time).pipe(take(20)),
      retry: { maxAttempts: 2, random: () => 0 },
      restart: { maxAttempts: 3, backoff: { random: () => 0 } },
      scheduler,
    })
    .subscribe({
      error: (thrown: unknown) => {
        error = thrown
      },
    })
  scheduler.flush()
  const distinct = new Set(rows)
  return {
    calls,
    error,
    lost: 9 - distinct.size,
    repeats: rows.length - distinct.size,
    lostAfter: calls[loseAfter - 1],
  }
}

const all = run(0, true).calls.length

describe('a queue whose connection is lost after any of its calls', () => {
  it('loses nothing; what the sink has twice was lost between hold and acknowledgement', () => {
    expect(all).toBeGreaterThan(3 * 5)
    for (let at = 1; at <= all; at++) {
      const { error, lost, repeats, lostAfter } = run(at, true)
      const between = lostAfter === 'hold' || lostAfter === 'sink commit'
      expect({ at, lostAfter, error, lost, repeats }).toEqual({
        at,
        lostAfter,
        error: undefined,
        lost: 0,
        repeats: between ? 3 : 0,
      })
    }
  })

  it('without hold, commits also what was lost after it was read', () => {
    const outcomes = Array.from({ length: all }, (_, i) => run(i + 1, false))
    expect(outcomes.every(({ error, lost }) => error === undefined && lost === 0)).toBe(true)
    const repeated = outcomes.filter(({ repeats }) => repeats > 0).map(({ lostAfter }) => lostAfter)
    expect(new Set(repeated)).toEqual(new Set(['read', 'sink commit']))
  })
})
