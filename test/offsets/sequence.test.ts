import fc from 'fast-check'
import { firstValueFrom, from, of, Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { OptionError, PortError } from '../../src/errors.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from '../../src/source.ts'
import { answer } from './answer.ts'

const rows = (maxRows: number): ReadLimit => ({ ...readAllAvailable, maxRows })
const at = (offset: number) => ({ offset })

describe('sequenceOffset', () => {
  it('completes a reader', () => {
    const reader: StreamReader<
      { readonly offset: number },
      { readonly from: number; readonly to: number },
      { id: number }
    > = {
      ...sequenceOffset({ head: () => 25 }),
      *read({ from, to }) {
        yield Array.from({ length: to - from }, (_, n) => ({ id: from + n }))
      },
    }
    expect(answer(reader.latestOffset(at(0), rows(10)))).toEqual(at(10))
    expect(answer(reader.partitions(at(0), at(10)))).toEqual([{ from: 0, to: 10 }])
  })

  it('begins at 0, at a number, or at the head', () => {
    expect(answer(sequenceOffset({ head: () => 9 }).initialOffset())).toEqual(at(0))
    expect(answer(sequenceOffset({ from: 5, head: () => 9 }).initialOffset())).toEqual(at(5))
    expect(answer(sequenceOffset({ from: 'latest', head: () => 9 }).initialOffset())).toEqual(at(9))
  })

  it('ends at the limit or the head, and at its start when the head went back', () => {
    const { latestOffset } = sequenceOffset({ head: () => 25 })
    expect(answer(latestOffset(at(20), rows(3)))).toEqual(at(23))
    expect(answer(latestOffset(at(20), rows(10)))).toEqual(at(25))
    expect(answer(latestOffset(at(20), readAllAvailable))).toEqual(at(25))
    expect(answer(latestOffset(at(25), rows(10)))).toEqual(at(25))
    expect(answer(latestOffset(at(40), rows(10)))).toEqual(at(40))
  })

  it('asks the head once per answer, and not before it is subscribed', () => {
    let asked = 0
    const { latestOffset } = sequenceOffset({ head: () => ++asked })
    const answers = latestOffset(at(0), readAllAvailable)
    expect(asked).toBe(0)
    expect(answer(answers)).toEqual(at(1))
    expect(asked).toBe(1)
  })

  it('takes a promise or an Observable of the head, and stops asking when it is unsubscribed', async () => {
    expect(await firstValueFrom(from(sequenceOffset({ head: async () => 7 }).reportLatestOffset()))).toEqual(at(7))
    expect(answer(sequenceOffset({ head: () => of(7) }).reportLatestOffset())).toEqual(at(7))
    const head$ = new Subject<number>()
    sequenceOffset({ head: () => head$ })
      .latestOffset(at(0), readAllAvailable)
      .subscribe()
      .unsubscribe()
    expect(head$.observed).toBe(false)
  })

  it.each([[NaN], [-1], [0.5], [2 ** 53], ['10'], [undefined]])('refuses the head %o', (head) => {
    const { latestOffset } = sequenceOffset({ head: () => head as number })
    expect(() => answer(latestOffset(at(0), rows(10)))).toThrow(PortError)
    expect(() => answer(latestOffset(at(0), rows(10)))).toThrow(
      `head of sequenceOffset must answer with an integer from 0, and it answered ${head}`,
    )
  })

  it('passes an error of the head on', () => {
    const { latestOffset } = sequenceOffset({
      head: () => {
        throw new RangeError('503')
      },
    })
    expect(() => answer(latestOffset(at(0), rows(10)))).toThrow(new RangeError('503'))
  })

  it('cuts a batch into partitions as it is told', () => {
    const { partitions } = sequenceOffset({ head: () => 0, cut: { size: 4 } })
    expect(partitions(at(10), at(19))).toEqual([
      { from: 10, to: 14 },
      { from: 14, to: 18 },
      { from: 18, to: 19 },
    ])
    expect(partitions(at(10), at(10))).toEqual([])
  })

  it('compares and measures', () => {
    const { compare, distance } = sequenceOffset({ head: () => 0 })
    expect(Math.sign(compare(at(9), at(10)))).toBe(-1)
    expect(compare(at(10), at(10))).toBe(0)
    expect(distance(at(3), at(10))).toBe(7)
    expect(distance(at(10), at(3))).toBe(0)
  })

  it.each<[object, string]>([
    [{}, 'option "head" is missing'],
    [{ head: 5 }, 'option "head" must be a function'],
    [{ head: () => 0, from: -1 }, 'option "from" must be an integer from 0 or "latest", and it is -1'],
    [{ head: () => 0, from: 'earliest' }, 'and it is "earliest"'],
    [{ head: () => 0, cut: 0 }, 'option "cut" must be'],
  ])('refuses %o', (options, message) => {
    expect(() => sequenceOffset(options as never)).toThrow(OptionError)
    expect(() => sequenceOffset(options as never)).toThrow(message)
  })

  it('reads every row once, within the limit, whatever the head does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(100), { maxLength: 20 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 5 }),
        (heads, maxRows, cut) => {
          let head = 0
          const { latestOffset, partitions, compare } = sequenceOffset({ head: () => head, cut })
          const read: number[] = []
          let start = at(0)
          for (head of heads) {
            const end = answer(latestOffset(start, rows(maxRows)))
            expect(answer(latestOffset(start, rows(maxRows)))).toEqual(end)
            expect(compare(end, start)).toBeGreaterThanOrEqual(0)
            expect(end.offset - start.offset).toBeLessThanOrEqual(maxRows)
            for (const { from, to } of partitions(start, end)) for (let row = from; row < to; row++) read.push(row)
            start = end
          }
          expect(start.offset).toBeLessThanOrEqual(Math.max(0, ...heads))
          expect(read).toEqual(Array.from({ length: start.offset }, (_, row) => row))
        },
      ),
      { numRuns: 200 },
    )
  })
})
