import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import type { Slice } from '../../../../src/connectors/rest/sink/request.ts'
import { RequestWriter } from '../../../../src/connectors/rest/sink/request-writer.ts'

interface Row {
  readonly n: number
}

const rows = (count: number, first = 0): readonly Row[] =>
  Array.from({ length: count }, (_, index) => ({ n: first + index }))

const refusedRow = (ordinal: number): RefusedRow => ({
  queryId: 'q',
  batchId: 0,
  partitionId: 0,
  ordinal,
  status: 422,
  attempt: 0,
  reason: 'status 422',
  row: '{}',
})

interface Request {
  /** `first+count`. */
  readonly name: string
  readonly slice: Slice<Row>
  readonly answer: (...refused: readonly number[]) => Promise<void>
  readonly fail: (error: unknown) => Promise<void>
}

/** A writer whose requests are answered by the test. */
function scene({ batchSize = 3, concurrency = 1 } = {}) {
  const requests: Request[] = []
  const open = new Set<Request>()
  const refused: number[][] = []
  const calls: string[] = []
  let mostRefusedAtOnce = 0
  let writing = 0
  const writer = new RequestWriter<Row, string>({
    batchSize,
    concurrency,
    deliver: (slice) =>
      new Promise((resolve, reject) => {
        const settle = async (end: () => void) => {
          open.delete(request)
          end()
          await turn()
        }
        const request: Request = {
          name: `${slice.first}+${slice.rows.length}`,
          slice,
          answer: (...ordinals) => settle(() => resolve(ordinals.map(refusedRow))),
          fail: (error) => settle(() => reject(error)),
        }
        requests.push(request)
        open.add(request)
      }),
    refused: {
      write: async (given) => {
        mostRefusedAtOnce = Math.max(mostRefusedAtOnce, ++writing)
        await turn()
        writing--
        refused.push(given.map(({ ordinal }) => ordinal))
      },
      finish: async () => {
        calls.push('finish')
        return refused.length > 0 ? { message: 'dead' } : undefined
      },
      discard: async () => calls.push('discard'),
    },
  })
  const names = () => requests.map(({ name }) => name)
  return { writer, requests, open, refused, calls, names, mostRefusedAtOnce: () => mostRefusedAtOnce }
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const done = () => {
    settled = true
  }
  promise.then(done, done)
  await turn()
  return settled
}

describe('RequestWriter', () => {
  it('cuts requests at the same ordinals whatever chunks come', async () => {
    const chunks = fc.array(fc.nat(20), { maxLength: 12 })
    const property = fc.asyncProperty(chunks, fc.integer({ min: 1, max: 9 }), async (sizes, batchSize) => {
      const slices: Slice<Row>[] = []
      const writer = new RequestWriter<Row, never>({
        batchSize,
        concurrency: 1,
        deliver: async (slice) => {
          slices.push(slice)
          return []
        },
        refused: { write: async () => undefined, finish: async () => undefined, discard: async () => undefined },
      })
      let total = 0
      for (const size of sizes) {
        await writer.write(rows(size, total))
        total += size
      }
      await writer.finish()
      expect(slices.map(({ first }) => first)).toEqual(slices.map((_, index) => index * batchSize))
      expect(slices.slice(0, -1).every((slice) => slice.rows.length === batchSize)).toBe(true)
      expect(slices.flatMap((slice) => slice.rows)).toEqual(rows(total))
      expect(slices.every((slice) => slice.rows.length > 0)).toBe(true)
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('sends nothing before a request is full or the partition ends', async () => {
    const { writer, names, open } = scene()
    await writer.write(rows(2))
    expect(names()).toEqual([])
    const finish = writer.finish()
    expect(names()).toEqual(['0+2'])
    expect(await isSettled(finish)).toBe(false)
    for (const request of open) await request.answer()
    expect(await finish).toEqual({ dead: undefined })
  })

  it('sends nothing for a partition without rows', async () => {
    const { writer, names } = scene()
    await writer.write([])
    await writer.finish()
    expect(names()).toEqual([])
  })

  it('holds back the writer while as many requests are under way as may be', async () => {
    const { writer, requests, names } = scene({ concurrency: 2 })
    const first = writer.write(rows(4))
    expect(await isSettled(first)).toBe(true)
    const second = writer.write(rows(6, 4))
    expect(await isSettled(second)).toBe(false)
    expect(names()).toEqual(['0+3', '3+3'])
    await requests[1]?.answer()
    expect(names()).toEqual(['0+3', '3+3', '6+3'])
    expect(await isSettled(second)).toBe(false)
    await requests[0]?.answer()
    expect(await isSettled(second)).toBe(true)
    const finish = writer.finish()
    expect(names()).toEqual(['0+3', '3+3', '6+3', '9+1'])
    await requests[2]?.answer()
    expect(await isSettled(finish)).toBe(false)
    await requests[3]?.answer()
    expect(await isSettled(finish)).toBe(true)
  })

  it('holds no more rows than the requests under way and less than another one', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.nat(7), { maxLength: 20 }),
      fc.integer({ min: 1, max: 4 }),
      fc.scheduler(),
      async (sizes, concurrency, scheduler) => {
        let sent = 0
        let done = 0
        let most = 0
        const writer = new RequestWriter<Row, never>({
          batchSize: 3,
          concurrency,
          deliver: async (slice) => {
            sent += slice.rows.length
            most = Math.max(most, sent - done)
            await scheduler.schedule(Promise.resolve())
            done += slice.rows.length
            return []
          },
          refused: { write: async () => undefined, finish: async () => undefined, discard: async () => undefined },
        })
        const run = async () => {
          let total = 0
          for (const size of sizes) {
            await writer.write(rows(size, total))
            total += size
            expect(total - done).toBeLessThanOrEqual((concurrency - 1) * 3 + 2)
          }
          await writer.finish()
        }
        await scheduler.waitFor(run())
        expect(most).toBeLessThanOrEqual(concurrency * 3)
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  it('writes refused rows one request after the other, by ordinal, whatever answers first', async () => {
    const { writer, requests, refused, mostRefusedAtOnce } = scene({ concurrency: 3 })
    const write = writer.write(rows(9))
    await turn()
    await requests[2]?.answer(7, 8)
    await requests[1]?.answer(4)
    expect(refused).toEqual([])
    expect(await isSettled(write)).toBe(false) // they wait in memory, and keep their places
    await requests[0]?.answer(1)
    expect(await isSettled(write)).toBe(true)
    expect(await writer.finish()).toEqual({ dead: { message: 'dead' } })
    expect(refused).toEqual([[1], [4], [7, 8]])
    expect(mostRefusedAtOnce()).toBe(1)
  })

  it('lets a request without refused rows go, even if one before it takes long', async () => {
    const { writer, requests, names } = scene({ concurrency: 2 })
    const write = writer.write(rows(9))
    await turn()
    await requests[1]?.answer()
    expect(names()).toEqual(['0+3', '3+3', '6+3'])
    await requests[2]?.answer()
    expect(await isSettled(write)).toBe(true)
    const finish = writer.finish()
    expect(await isSettled(finish)).toBe(false)
    await requests[0]?.answer()
    await finish
  })

  it('fails a write that waits as soon as a request fails, and begins no more', async () => {
    const { writer, requests, names } = scene({ concurrency: 2 })
    const failed = expect(writer.write(rows(9))).rejects.toBe('down')
    await turn()
    await requests[1]?.fail('down')
    await failed
    expect(names()).toEqual(['0+3', '3+3'])
  })

  it('fails the next call when a request fails in between, with the first error', async () => {
    const { writer, requests } = scene({ concurrency: 3 })
    await writer.write(rows(6))
    await requests[1]?.fail('first')
    await requests[0]?.fail('second')
    await expect(writer.write(rows(3, 6))).rejects.toBe('first')
    await expect(writer.finish()).rejects.toBe('first')
  })

  it('fails when refused rows can not be written', async () => {
    const writer = new RequestWriter<Row, never>({
      batchSize: 3,
      concurrency: 1,
      deliver: async () => [refusedRow(0)],
      refused: { write: () => Promise.reject('disk'), finish: async () => undefined, discard: async () => undefined },
    })
    await expect(writer.write(rows(3))).rejects.toBe('disk')
    const small = new RequestWriter<Row, never>({
      batchSize: 3,
      concurrency: 2,
      deliver: async () => [refusedRow(0)],
      refused: { write: () => Promise.reject('disk'), finish: async () => undefined, discard: async () => undefined },
    })
    await small.write(rows(2))
    await expect(small.finish()).rejects.toBe('disk')
  })

  it('discards when all that is under way has settled', async () => {
    const { writer, requests, calls } = scene({ concurrency: 3 })
    await writer.write(rows(6))
    const discard = writer.discard()
    await requests[0]?.fail('aborted')
    expect(await isSettled(discard)).toBe(false)
    expect(calls).toEqual([])
    await requests[1]?.answer(3)
    await discard
    expect(calls).toEqual(['discard'])
  })
})
