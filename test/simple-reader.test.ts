import { throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { defineDataSource } from '../src/data-source.ts'
import { PortError } from '../src/errors.ts'
import { schema } from '../src/schema.ts'
import { readStream } from '../src/stream.ts'
import { availableNow, once } from '../src/trigger.ts'
import { numberSink, numbers, outcomeOf } from './engine/recording.ts'

const options = (checkpoint = memoryCheckpoint()) => ({
  name: 'q',
  checkpoint,
  trigger: availableNow(),
  retry: { maxAttempts: 1 },
})

const counter = defineDataSource({
  name: 'counter',
  schema: schema('n int not null'),
  simpleStreamReader: (head: () => number, calls: string[] = []) => ({
    initialOffset: () => ({ offset: 0 }),
    read: ({ offset }, { maxRows }) => {
      calls.push(`read ${offset}`)
      const end = Math.min(head(), offset + maxRows)
      return { rows: numbers(offset, end), end: { offset: end } }
    },
    readBetween: (start, end) => {
      calls.push(`readBetween ${start.offset} ${end.offset}`)
      return numbers(start.offset, end.offset)
    },
    commit: ({ offset }) => void calls.push(`commit ${offset}`),
    compare: (a, b) => a.offset - b.offset,
  }),
})

describe('a simple reader', () => {
  it('hands on the rows it read when it was asked how far it goes', () => {
    const calls: string[] = []
    const rows: number[] = []
    outcomeOf(
      readStream(counter(() => 5, calls)).writeStream(numberSink([], rows), {
        ...options(),
        trigger: once(),
        limit: { maxRows: 3 },
      }),
    )
    expect([calls, rows]).toEqual([
      ['read 0', 'commit 3'],
      [0, 1, 2],
    ])
  })

  it('takes all that is there under availableNow', () => {
    const rows: number[] = []
    outcomeOf(readStream(counter(() => 5)).writeStream(numberSink([], rows), { ...options(), limit: { maxRows: 2 } }))
    expect(rows).toEqual([0, 1, 2, 3, 4])
  })

  it('replays through readBetween after a restart', () => {
    const checkpoint = memoryCheckpoint()
    const failing = numberSink([], [], { commit: () => throwError(() => new Error('down')) })
    outcomeOf(readStream(counter(() => 4)).writeStream(failing, options(checkpoint)))
    const calls: string[] = []
    const rows: number[] = []
    outcomeOf(
      readStream(counter(() => 9, calls)).writeStream(numberSink([], rows), {
        ...options(checkpoint),
        trigger: once(),
      }),
    )
    expect([calls, rows]).toEqual([
      ['readBetween 0 4', 'commit 4'],
      [0, 1, 2, 3],
    ])
  })

  it('refuses rows that do not move the offset', () => {
    const stuck = defineDataSource({
      name: 'stuck',
      schema: schema('n int not null'),
      simpleStreamReader: () => ({
        initialOffset: () => ({ offset: 0 }),
        read: () => ({ rows: [{ n: 1 }], end: { offset: 0 } }),
        readBetween: () => [],
      }),
    })
    const { error } = outcomeOf(readStream(stuck()).writeStream(numberSink(), options()))
    expect((error as Error).cause).toBeInstanceOf(PortError)
    expect((error as Error).message).toContain('1 rows and ended where it started')
  })
})
