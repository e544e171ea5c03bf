import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { asyncScheduler, firstValueFrom } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { type MemorySink, memorySink } from '../../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../../src/connectors/memory/source.ts'
import { type HttpSinkOptions, httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import type { Send } from '../../../../src/connectors/rest/sink/sending.ts'
import { httpSink, httpWriter } from '../../../../src/connectors/rest/sink/sink.ts'
import type { BoundSink } from '../../../../src/data-source.ts'
import { defaultRetryPolicy } from '../../../../src/retry.ts'
import { readStream } from '../../../../src/stream.ts'
import { CrashWorld, type Process } from '../../../../src/testing/crash-world.ts'
import { exploreConnectors } from '../../../../src/testing/explore-connectors.ts'
import { ModelStore } from '../../../../src/testing/model-checkpoint.ts'
import { availableNow } from '../../../../src/trigger.ts'
import { idempotentStore } from '../../../support/http-apis.ts'
import { httpServer } from '../../../support/http-server.ts'
import { type Answer, exchange, type Received } from './receiver.ts'

interface Row {
  readonly id: number
}

type Options = Partial<HttpSinkOptions<Row, readonly RefusedRow[]>>

interface Scene {
  readonly options?: Options
  readonly partitions?: number
  readonly chunkRows?: number
  readonly isBad?: (id: number) => boolean
  /** Rows that the receiver takes in a request. */
  readonly mostRows?: number
}

const total = 40
const ids = [...new Array(total).keys()]

/** The other side, which outlives the processes: it applies a request once for each key, then loses every tenth answer. */
class Receiver {
  readonly taken: number[] = []
  readonly #scene: Scene
  readonly #keys = new Set<string>()
  #requests = 0

  constructor(scene: Scene) {
    this.#scene = scene
  }

  get requests(): number {
    return this.#requests
  }

  receive({ text, key }: Received): Answer | 'lost' {
    const { isBad = () => false, mostRows = Infinity } = this.#scene
    const isLost = ++this.#requests % 10 === 0
    const rows = JSON.parse(text) as readonly (Row & { readonly once?: string })[]
    if (rows.length > mostRows) return { status: 413 }
    if (rows.some(({ id }) => isBad(id))) return { status: 422 }
    if (key === undefined || !this.#keys.has(key)) {
      for (const { id, once } of rows) {
        if (once === undefined || !this.#keys.has(once)) this.taken.push(id)
        if (once !== undefined) this.#keys.add(once)
      }
    }
    if (key !== undefined) this.#keys.add(key)
    return isLost ? 'lost' : { status: 200 }
  }
}

/** Of a process that may die: what it sends is an effect, and after its death it gets no answers. */
function sendingFrom(process: Process, receiver: Receiver): Send {
  return async (request, take) => {
    for (;;) {
      let lost = false
      const receive = (received: Received): Promise<Answer> =>
        firstValueFrom(
          process.effect(`${received.key} ${received.text}`, () => {
            const answer = receiver.receive(received)
            lost = answer === 'lost'
            return answer === 'lost' ? { status: 200 } : answer
          }),
        )
      const outcome = await exchange(request, take, receive)
      if (!lost) return outcome
    }
  }
}

/** A dead-letter sink whose commits are effects. */
function dying(process: Process, sink: MemorySink<RefusedRow>): BoundSink<RefusedRow, readonly RefusedRow[]> {
  return {
    name: sink.name,
    streamWriter: () => {
      const writer = sink.streamWriter()
      return {
        ...writer,
        commit: (messages, batch) =>
          process.effect(`refused rows of batch ${batch.batchId}`, () => writer.commit(messages, batch)),
      }
    },
  }
}

/** Runs a query to its end, dying after the effects that are given, and started again on what was durable. */
async function run(scene: Scene, crashes: readonly number[]) {
  const world = new CrashWorld(crashes.map((at) => ({ kind: 'crash', at })))
  const receiver = new Receiver(scene)
  const store = new ModelStore()
  const refused = memorySink<RefusedRow>()
  const { partitions = 2, chunkRows = 3, options = {} } = scene
  const source = memoryStream<Row>({ partitions, chunkRows })
  source.add(...ids.map((id) => ({ id })))
  for (let process = world.start(); ; process = world.start()) {
    const lifetime = process
    const deadLetters = scene.isBad === undefined ? {} : { deadLetters: dying(lifetime, refused) }
    const settings = httpSinkSettings<Row, readonly RefusedRow[]>({
      url: 'http://127.0.0.1/rows',
      batchSize: 4,
      ...deadLetters,
      ...options,
    })
    const timing = { retry: defaultRetryPolicy, scheduler: asyncScheduler }
    const connection = { client: { close: async () => undefined }, send: sendingFrom(lifetime, receiver) }
    const query = readStream(source).writeStream(() => httpWriter(settings, timing, () => connection), {
      name: 'crashing',
      checkpoint: store.checkpoint(lifetime),
      trigger: availableNow(),
      limit: { maxRows: 15 },
    })
    const death = new Promise<'died'>((resolve) => lifetime.onDeath(() => resolve('died')))
    const end = Promise.withResolvers<'ended'>()
    const running = query.subscribe({ error: end.reject, complete: () => end.resolve('ended') })
    const how = await Promise.race([end.promise, death])
    running.unsubscribe()
    if (how === 'ended') break
    await turn()
  }
  return { world, receiver, refused: refused.rows.map(({ row }) => (JSON.parse(row) as Row).id) }
}

const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b)

async function expectEachOnce(scene: Scene, crashes: readonly number[]): Promise<CrashWorld> {
  const { world, receiver, refused } = await run(scene, crashes)
  const { isBad = () => false } = scene
  const story = `${crashes.join('+')}\n${world.story()}`
  expect(sorted(receiver.taken), story).toEqual(ids.filter((id) => !isBad(id)))
  expect(sorted(refused), story).toEqual(ids.filter(isBad))
  return world
}

const scenes: readonly (readonly [name: string, scene: Scene])[] = [
  ['as it is', {}],
  ['several requests at once', { options: { concurrency: 3 }, partitions: 1 }],
  ['one partition, chunks of another size', { partitions: 1, chunkRows: 7 }],
  ['a receiver that takes three rows at once', { mostRows: 3 }],
  ['bodies that are too large', { options: { maxBytes: 20 } }],
  ['rows that are refused', { isBad: (id) => id % 7 === 3 }],
  ['rows that are refused, several requests at once', { isBad: (id) => id % 5 === 3, options: { concurrency: 3 } }],
  ['a key for each row', { options: { idempotency: { field: 'once' } }, isBad: (id) => id === 20 }],
]

describe.each(scenes)('%s: each row is taken once, or refused once', (_, scene) => {
  test('killed after any effect and started again', async () => {
    const { effects } = await expectEachOnce(scene, [])
    expect(effects).toBeGreaterThan(15)
    for (let at = 1; at <= effects; at++) await expectEachOnce(scene, [at])
  })

  test('killed three times', async () => {
    const crashes = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 3, maxLength: 3 })
    const property = fc.asyncProperty(crashes, async (at) => {
      await expectEachOnce(scene, sorted(at))
    })
    await fc.assert(property, { numRuns: 60 })
  })
})

test('without idempotency nothing is lost', async () => {
  const scene: Scene = { options: { idempotency: 'none' } }
  const { effects } = (await run(scene, [])).world
  let repeated = 0
  for (let at = 1; at <= effects; at++) {
    const { receiver } = await run(scene, [at])
    expect(sorted([...new Set(receiver.taken)])).toEqual(ids)
    repeated += receiver.taken.length - total
  }
  expect(repeated).toBeGreaterThan(0)
})

test('a batch whose refused rows are committed is skipped unread', async () => {
  const scene: Scene = { isBad: (id) => id === 3 }
  const { trace } = (await run(scene, [])).world
  const committed = trace.find(({ text }) => text === 'refused rows of batch 0')?.effect ?? 0
  const { world } = await run(scene, [committed])
  const after = world.trace.filter(({ process }) => process === 1).map(({ text }) => text)
  expect(after[0]).toBe('log done 0 committed')
})

describe('a real client and a real server that drops one answer in ten after having applied it', () => {
  const explore = (options: Partial<HttpSinkOptions<Row, readonly RefusedRow[]>>, isBad: (id: number) => boolean) =>
    exploreConnectors(
      async () => {
        const rows = memoryStream<Row>({ partitions: 2, chunkRows: 3 })
        rows.add(...ids.slice(0, 10).map((id) => ({ id })))
        const store = idempotentStore()
        const server = await httpServer({
          '/rows': (request) =>
            (JSON.parse(request.body) as readonly Row[]).some(({ id }) => isBad(id))
              ? { status: 422 }
              : store.route(request),
        })
        const sink = httpSink<Row, readonly RefusedRow[]>({
          url: `${server.url}/rows`,
          batchSize: 2,
          retry: { initialDelayMs: 1 },
          ...options,
        })
        const taken = () => store.rows.map((row) => (row as Row).id)
        return { source: rows, sink, ids: taken, close: () => server.close() }
      },
      { expected: (id) => !isBad(id) },
    )

  test('killed between any two calls and started again', async () => {
    const report = await explore({}, () => false)
    expect(report.text).toMatch(/none failed$/)
    expect(report.schedules).toBeGreaterThan(20)
  })

  test('the same with rows that are refused', async () => {
    const refused = memorySink<RefusedRow>()
    const report = await explore({ deadLetters: refused, concurrency: 2 }, (id) => id % 4 === 1)
    expect(report.text).toMatch(/none failed$/)
    expect(refused.rows.length).toBeGreaterThan(0)
  })
})
