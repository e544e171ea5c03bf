import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { type NumberedOffset, numberSink, numberSource } from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

/** Lets everything run that is due already. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('processAllAvailable', () => {
  /** A query without a trigger of its own, whose looks at the source are answered one by one. */
  function askedByHand() {
    const looks: Subject<NumberedOffset>[] = []
    const rows: number[] = []
    const latestOffset = () => {
      const look = new Subject<NumberedOffset>()
      looks.push(look)
      return look
    }
    const tick = new Subject<void>()
    const run = readStream(numberSource(() => 0, [], { latestOffset }))
      .writeStream(numberSink([], rows), { ...base, checkpoint: memoryCheckpoint(), trigger: tick })
      .start()
    const answer = (look: number, offset: number): void => {
      looks[look]?.next({ offset })
      looks[look]?.complete()
    }
    return { run, rows, tick, looks, answer }
  }

  it('called during a look waits for one that began after it, whatever the first one finds', async () => {
    const { run, rows, tick, looks, answer } = askedByHand()
    await Promise.resolve()
    tick.next()
    expect(looks).toHaveLength(1)
    let resolved = false
    const processed = run.processAllAvailable().then(() => {
      resolved = true
    })
    answer(0, 0) // nothing was there when it began; a row has come since
    await turn()
    expect([resolved, looks.length]).toEqual([false, 2])
    answer(1, 1)
    await turn()
    expect([resolved, looks.length, rows]).toEqual([false, 3, [0]])
    answer(2, 1)
    await processed
    expect(looks).toHaveLength(3)
    await run.stop()
  })

  it('called during a batch waits for a look after it', async () => {
    const { run, rows, tick, looks, answer } = askedByHand()
    await Promise.resolve()
    tick.next()
    const processed: string[] = []
    run.events$.subscribe(({ type }) => {
      if (type === 'planned' && processed.length === 0) {
        processed.push('called')
        void run.processAllAvailable().then(() => processed.push('resolved'))
      }
    })
    answer(0, 2)
    await turn()
    expect([processed, rows, looks.length]).toEqual([['called'], [0, 1], 2])
    answer(1, 2)
    await turn()
    expect(processed).toEqual(['called', 'resolved'])
    await run.stop()
  })
})

describe('recentProgress', () => {
  async function afterBatches(count: number): Promise<readonly number[]> {
    const run = readStream(numberSource(() => count))
      .writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 1 },
      })
      .start()
    await run.terminated
    expect(run.lastProgress?.batchId).toBe(count - 1)
    return run.recentProgress.map(({ batchId }) => batchId)
  }

  it.each([
    [99, 0],
    [100, 0],
    [101, 1],
    [250, 150],
  ])('of %i batches begins with batch %i', async (count, first) => {
    const expected = Array.from({ length: Math.min(100, count) }, (_, i) => first + i)
    expect(await afterBatches(count)).toEqual(expected)
  })

  it('is a copy: what its reader does to it, or what comes later, changes nothing', async () => {
    const tick = new Subject<void>()
    const run = readStream(numberSource(() => 5))
      .writeStream(numberSink(), { ...base, checkpoint: memoryCheckpoint(), trigger: tick, limit: { maxRows: 1 } })
      .start()
    await Promise.resolve()
    tick.next()
    const first = run.recentProgress as unknown[]
    tick.next()
    expect(first).toHaveLength(1)
    first.length = 0
    expect(run.recentProgress.map(({ batchId }) => batchId)).toEqual([0, 1])
    await run.stop()
  })
})
