import { describe, expect, it } from 'vitest'
import { OpenAnswers } from '../../../../src/connectors/rest/pagination/run-watch.ts'
import { cursorOf } from '../../../../src/connectors/rest/source/cursor.ts'
import { type BeginRun, FreshRows } from '../../../../src/connectors/rest/source/fresh-rows.ts'
import { fromResult } from '../../../../src/result.ts'
import { schema } from '../../../../src/schema.ts'
import { nextBatch, readRange, tableCursor } from './table-api.ts'

const numbered = schema('id int not null')
const cursor = cursorOf('cursor', { field: 'id', key: 'id' }, numbered, { now: () => 0, zone: undefined })
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => ({ id: from + n }))

/** Chunks of two rows; `signals` are those of the runs that were begun. */
function runs(count: number, wait: () => Promise<void> = async () => undefined) {
  const signals: AbortSignal[] = []
  const begin: BeginRun<{ id: number }> = async function* (start, signal) {
    signals.push(signal)
    const from = start.value === undefined ? 0 : Number(start.value) + 1
    for (let first = from; first < count; first += 2) {
      await wait()
      signal.throwIfAborted()
      yield rows(first, Math.min(first + 2, count))
    }
    return undefined
  }
  return { begin, signals }
}
const live = new AbortController().signal

describe('rows that were fetched to find out how far a batch goes', () => {
  it('are kept for reading until the batch is done, and no longer', async () => {
    const { begin } = runs(10)
    const fresh = new FreshRows(cursor, new OpenAnswers(32), begin)
    const end = await fresh.latest({}, 3, live)
    expect(fresh.rowsOf({}, end)).toEqual(rows(0, 3))
    expect(fresh.rowsOf({}, { value: 9 })).toBeUndefined()
    expect(fresh.rowsOf({ value: 9 }, end)).toBeUndefined()
    fresh.forget({ value: 9 })
    expect(fresh.rowsOf({}, end)).toEqual(rows(0, 3))
    fresh.forget(end)
    expect(fresh.rowsOf({}, end)).toBeUndefined()
    expect(fresh.rowsOf(end, await fresh.latest(end, 3, live))).toEqual(rows(3, 6))
  })

  it('come from one run, which goes on from batch to batch', async () => {
    const { begin, signals } = runs(10)
    const fresh = new FreshRows(cursor, new OpenAnswers(32), begin)
    let at = await fresh.latest({}, 3, live)
    at = await fresh.latest(at, 3, live)
    expect(signals).toHaveLength(1)
    // Another position is another run, and the former one is over.
    await fresh.latest({ value: 1 }, 3, live)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    fresh.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('stop arriving when nobody waits for them, and what came is kept', async () => {
    let waits = 0
    let block: ((error: Error) => void) | undefined
    const { begin, signals } = runs(10, () => {
      if (++waits !== 3) return Promise.resolve()
      return new Promise((_, reject) => {
        block = reject
        signals.at(-1)?.addEventListener('abort', () => reject(new Error('aborted')))
      })
    })
    const fresh = new FreshRows(cursor, new OpenAnswers(32), begin)
    const controller = new AbortController()
    const answer = fresh.latest({}, 100, controller.signal)
    while (block === undefined) await Promise.resolve()
    controller.abort()
    await expect(answer).rejects.toThrow('aborted')
    const end = await fresh.latest({}, 100, live)
    expect(fresh.rowsOf({}, end)).toEqual(rows(0, 4))
    const next = await fresh.latest(end, 100, live)
    expect(fresh.rowsOf(end, next)).toEqual(rows(4, 10))
  })

  it('is nothing where nothing is new', async () => {
    const { begin } = runs(0)
    const fresh = new FreshRows(cursor, new OpenAnswers(32), begin)
    const start = { value: 3 }
    expect(await fresh.latest(start, 10, live)).toBe(start)
  })
})

describe('a reader over them', () => {
  it('ends what is under way when its answer is not wanted any more, and when it is closed', async () => {
    const signals: AbortSignal[] = []
    const source = tableCursor(
      numbered,
      { field: 'id', key: 'id' },
      {
        rows: rows(0, 10),
        onRequest: (_count, _request, signal) => signals.push(signal),
      },
    )
    fromResult('port', () => source.stream.latestOffset({}, { maxRows: 9, maxBytes: Infinity, maxFiles: Infinity }))
      .subscribe()
      .unsubscribe()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    await nextBatch(source, {}, 2)
    expect(signals.at(-1)?.aborted).toBe(false)
    source.close()
    expect(signals.at(-1)?.aborted).toBe(true)
  })

  it('asks again for a batch that is committed', async () => {
    const source = tableCursor(numbered, { field: 'id', key: 'id' }, { rows: rows(0, 10) })
    const batch = await nextBatch(source, {}, 10)
    const before = source.asked.length
    expect(await readRange(source, {}, batch?.end ?? {})).toEqual(rows(0, 10))
    expect(source.asked.length).toBe(before)
    source.stream.commit?.(batch?.end ?? {})
    expect(await readRange(source, {}, batch?.end ?? {})).toEqual(rows(0, 10))
    expect(source.asked.length).toBeGreaterThan(before)
  })
})
