import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { lastValueFrom, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { Circuit } from '../../../../src/circuit.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { HttpClient } from '../../../../src/connectors/rest/http/types.ts'
import { httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import { isOutage, sendingThrough } from '../../../../src/connectors/rest/sink/sending.ts'
import { httpSink, httpWriter } from '../../../../src/connectors/rest/sink/sink.ts'
import type { StreamSource } from '../../../../src/data-source.ts'
import { sequenceOffset } from '../../../../src/offsets/sequence.ts'
import type { Range } from '../../../../src/partition.ts'
import { defaultRetryPolicy } from '../../../../src/retry.ts'
import { readStream } from '../../../../src/stream.ts'
import { availableNow } from '../../../../src/trigger.ts'
import { idempotentStore } from '../../../support/http-apis.ts'
import { httpServer } from '../../../support/http-server.ts'
import { exchange } from './receiver.ts'

interface Row {
  readonly id: number
}

const url = 'http://127.0.0.1/rows'
const upTo = (count: number) => [...new Array(count).keys()]
const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b)

/** Numbered rows in chunks of a hundred, and how many of them were read. */
function numbers(total: number, partitions: number) {
  const read = { rows: 0 }
  const source: StreamSource<{ readonly offset: number }, Range<number>, Row> = {
    name: 'numbers',
    streamReader: () => ({
      ...sequenceOffset({ head: () => total, cut: partitions }),
      async *read({ from, to }) {
        for (let first = from; first < to; first += 100) {
          const chunk = upTo(Math.min(100, to - first)).map((n) => ({ id: first + n }))
          read.rows += chunk.length
          yield chunk
        }
      },
    }),
  }
  return { read, source }
}

describe('while the receiver is down, httpSink with a breaker', () => {
  it('reads no further, probes with a request now and then, and delivers each row once when it is back', async () => {
    const [total, partitions, batchSize, concurrency] = [20_000, 4, 50, 2] as const
    const scheduler = new VirtualTimeScheduler()
    const { read, source } = numbers(total, partitions)
    const taken: number[] = []
    const keys = new Set<string | undefined>()
    const probes: { readonly at: number; readonly rows: number }[] = []
    let downFrom = Infinity
    let downUntil = Infinity
    const isDown = () => scheduler.now() >= downFrom && scheduler.now() < downUntil
    const client: HttpClient = {
      send: (request, take) =>
        exchange(request, take, async ({ key, text }) => {
          await turn()
          const rows = JSON.parse(text) as readonly Row[]
          if (!keys.has(key)) taken.push(...rows.map(({ id }) => id)) // applied, though the answer is lost
          keys.add(key)
          if (taken.length >= 3_000) downFrom = Math.min(downFrom, scheduler.now())
          if (!isDown()) return { status: 200 }
          probes.push({ at: scheduler.now(), rows: rows.length })
          throw new HttpError('got no answer', { method: 'POST', url, retryable: true })
        }),
      close: async () => undefined,
    }
    const retry = { ...defaultRetryPolicy, random: () => 1 }
    const isFailure = (error: unknown) => isOutage(error, retry.retryable)
    const circuit = new Circuit('test', { failures: 5, openFor: '30 seconds', whenOpen: 'wait', isFailure, scheduler })
    const send = sendingThrough(circuit, client, { retry, scheduler })
    const settings = httpSinkSettings<Row, never>({ url, batchSize, concurrency })
    const query = readStream(source).writeStream(
      () => httpWriter(settings, { retry, scheduler }, () => ({ client, send })),
      { name: 'down', checkpoint: memoryCheckpoint(), trigger: availableNow(), concurrency: partitions },
    )
    let ended: unknown
    query.subscribe({
      error: (error: unknown) => {
        ended = error
      },
      complete: () => {
        ended = 'complete'
      },
    })
    const pass = async () => {
      for (let turns = 0; turns < 20; turns++) await turn()
      scheduler.flush()
    }
    while (downFrom === Infinity) await pass()
    downUntil = downFrom + 10 * 60_000
    while (circuit.state === 'closed') await pass()
    for (let turns = 0; turns < 50; turns++) await turn() // reads what there is room for

    // The rows in memory: what is under way, less than a request, the chunk, and two more before each writer.
    const readThen = read.rows
    expect(readThen - taken.length).toBeLessThanOrEqual(partitions * (concurrency * batchSize + batchSize + 3 * 100))
    const before = probes.length
    while (isDown()) {
      await pass()
      if (isDown()) expect(read.rows).toBe(readThen)
    }
    expect(before).toBeLessThanOrEqual(5 + partitions * concurrency)
    expect(probes.length - before).toBeLessThanOrEqual(10 * 2 + 1) // one every thirty seconds
    expect(Math.max(...probes.map(({ rows }) => rows))).toBeLessThanOrEqual(batchSize)

    for (let passes = 0; ended === undefined && passes < 5_000; passes++) await pass()
    expect(ended).toBe('complete')
    expect(circuit.state).toBe('closed')
    expect(sorted(taken)).toEqual(upTo(total))
  })

  it('waits for a real one, and its circuit shows it', async () => {
    const store = idempotentStore((n) => n % 10 === 0)
    let down = false
    const asked: number[] = []
    const server = await httpServer({
      '/rows': (request) => {
        if (!down) return store.route(request)
        asked.push(request.number)
        return 'reset'
      },
    })
    onTestFinished(() => server.close())
    const { read, source } = numbers(3_000, 2)
    const sink = httpSink<Row>({
      url: `${server.url}/rows`,
      batchSize: 50,
      retry: { initialDelayMs: 1, maxAttempts: 2 },
      breaker: { failures: 3, openFor: '50ms' },
    })
    const states: string[] = []
    const watching = sink.circuit$.subscribe((state) => states.push(state))
    onTestFinished(() => watching.unsubscribe())
    const query = readStream(source).writeStream(sink, {
      name: 'down',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    const done = lastValueFrom(query)
    while (store.rows.length < 500) await sleep(1)
    down = true
    while (!states.includes('open')) await sleep(1)
    const readThen = read.rows
    const [askedThen, since] = [asked.length, performance.now()]
    while (asked.length < askedThen + 4) await sleep(1)
    expect(performance.now() - since).toBeGreaterThanOrEqual(3 * 50 - 5)
    expect(read.rows - readThen).toBeLessThanOrEqual(2 * 200)
    down = false
    await done
    expect(sorted(store.rows.map((row) => (row as Row).id))).toEqual(upTo(3_000))
    expect(states.at(-1)).toBe('closed')
    expect(states).toContain('half-open')
  })

  it('does not wait for what no repeat helps', async () => {
    const server = await httpServer({ '/rows': () => ({ status: 403 }) })
    onTestFinished(() => server.close())
    const { source } = numbers(1_000, 2)
    const sink = httpSink<Row>({ url: `${server.url}/rows`, breaker: { failures: 1 } })
    const query = readStream(source).writeStream(sink, {
      name: 'refused',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    await expect(lastValueFrom(query)).rejects.toMatchObject({ cause: { status: 403 } })
    expect(server.requests.length).toBeLessThanOrEqual(2)
  })

  it('is stopped with the query, and the circuit outlives it', async () => {
    const server = await httpServer({ '/rows': () => 'reset' })
    onTestFinished(() => server.close())
    const { source } = numbers(1_000, 2)
    const sink = httpSink<Row>({
      url: `${server.url}/rows`,
      retry: { initialDelayMs: 1 },
      breaker: { failures: 2, openFor: '1 hour' },
    })
    const checkpoint = memoryCheckpoint()
    const query = readStream(source).writeStream(sink, { name: 'stopping', checkpoint, trigger: availableNow() })
    const states: string[] = []
    const watching = sink.circuit$.subscribe((state) => states.push(state))
    onTestFinished(() => watching.unsubscribe())
    for (let runs = 0; runs < 2; runs++) {
      const run = query.start()
      while (!states.includes('open')) await sleep(1)
      await sleep(20)
      await run.stop()
    }
    expect(states).toEqual(['closed', 'open'])
    expect(server.requests.length).toBeLessThanOrEqual(4) // all of them in the first run
  })
})

describe('without one', () => {
  it('it fails after the attempts of its policy, in an error that the query may repeat', async () => {
    const server = await httpServer({ '/rows': () => ({ status: 503 }) })
    onTestFinished(() => server.close())
    const { source } = numbers(10, 1)
    const sink = httpSink<Row>({ url: `${server.url}/rows`, retry: { maxAttempts: 3, initialDelayMs: 1 } })
    const query = readStream(source).writeStream(sink, {
      name: 'failing',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      retry: { maxAttempts: 2, initialDelayMs: 1 },
    })
    await expect(lastValueFrom(query)).rejects.toMatchObject({ cause: { status: 503, retryable: true } })
    expect(server.requests).toHaveLength(3 * 2)
  })
})
