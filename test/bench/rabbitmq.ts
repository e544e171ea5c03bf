// How fast messages go from a broker through a whole query, side by side with a loop by hand over the same client, A B A B …; how long a message takes
// from its publish to its commit; and what memory does over many messages. On the built package, with the broker of `npm run services` (or AMQP_URL).
// node test/bench/rabbitmq.ts [messages a round] [rounds] [messages for memory] [type of queue …]
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib'
import { readStream, type StreamWriter, sqliteCheckpoint, whenAvailable } from 'sluice'
import { rabbitmqQueue, rabbitmqStream } from 'sluice/rabbitmq'
import { report } from './harness/figure.ts'

type QueueType = 'classic' | 'quorum' | 'stream'
const types = (
  process.argv.length > 5 ? process.argv.slice(5) : ['classic', 'quorum', 'stream']
) as readonly QueueType[]

const prefetch = 2_000
const ackEvery = 1_000
const bytes = 200

/** What a thread of its own publishes. */
interface Load {
  readonly url: string
  readonly queue: string
  readonly messages: number
  /** 0: as fast as it goes. */
  readonly perSecond: number
}

const url =
  process.env.AMQP_URL ??
  (JSON.parse(readFileSync(new URL('../../.services/rabbitmq.json', import.meta.url), 'utf8')) as { url: string }).url
let queries = 0

/** Of the queries since it was last asked. */
const batches = {
  count: 0,
  rows: 0,
  mean: (): string => {
    const mean = (batches.rows / batches.count).toFixed(0)
    batches.count = 0
    batches.rows = 0
    return mean
  },
}

if (isMainThread) await bench()
else await publish(workerData as Load)

async function bench(): Promise<void> {
  const [messages = 100_000, rounds = 3, forMemory = 1_000_000] = process.argv.slice(2, 5).map(Number)
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    console.log(
      `Node ${process.version}, RabbitMQ ${await brokerVersion()}; ${messages} messages of ${bytes} bytes, prefetch ${prefetch}, a queue's batches of ${ackEvery} at most, ${rounds} rounds`,
    )
    for (const type of types) await throughput(folder, type, messages, rounds)
    for (const perSecond of [1_000, 10_000]) for (const type of types) await latency(folder, type, perSecond)
    if (forMemory > 0) await memory(folder, forMemory)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function brokerVersion(): Promise<string> {
  const connection = await connect(url)
  const { version } = connection.connection.serverProperties
  await connection.close()
  return version
}

async function throughput(folder: string, type: QueueType, messages: number, rounds: number): Promise<void> {
  const rates = { query: [] as number[], multiple: [] as number[], each: [] as number[] }
  const cpu = { query: [] as number[], multiple: [] as number[], each: [] as number[] }
  await withQueue(type, async (queue) => {
    const filled = async (way: keyof typeof rates, run: () => Promise<number>): Promise<void> => {
      if (type !== 'stream') await load({ url, queue, messages, perSecond: 0 })
      const before = process.cpuUsage()
      rates[way].push(messages / (await run()))
      const { user, system } = process.cpuUsage(before)
      cpu[way].push((user + system) / messages)
    }
    if (type === 'stream') await load({ url, queue, messages, perSecond: 0 })
    for (let round = 0; round < rounds; round++) {
      await filled('query', () => byQuery(folder, type, queue, messages))
      await filled('multiple', () => byHand(type, queue, messages, ackEvery))
      await filled('each', () => byHand(type, queue, messages, 1))
    }
  })
  const perRound = (mine: readonly number[], other: readonly number[]) =>
    mine.map((value, round) => value / (other[round] as number))
  for (const [way, each] of [
    ['multiple', `acknowledges ${ackEvery} at once`],
    ['each', 'acknowledges each'],
  ] as const) {
    report(
      {
        name: `messages of a ${type} queue`,
        against: `an amqplib loop that ${each}`,
        unit: 'of its speed',
        ...(way === 'multiple' && { target: { atLeast: 0.9 } }),
        values: perRound(rates.query, rates[way]),
        rows: messages,
        bytes: messages * bytes,
        batchRows: ackEvery,
      },
      ['rxjs', 'amqplib'],
    )
  }
  console.log(`${type}: ${spread(rates.query, 0)} messages a second (min / median / max), ${batches.mean()} a batch`)
  console.log(`  of a loop that acknowledges ${ackEvery} at once: ${spread(perRound(rates.query, rates.multiple), 2)}`)
  console.log(`  of a loop that acknowledges each: ${spread(perRound(rates.query, rates.each), 2)}`)
  // What a busy machine can't blur as much.
  console.log(
    `  processor time a message: ${spread(cpu.query, 1)} µs; of the first loop: ${spread(perRound(cpu.multiple, cpu.query), 2)}`,
  )
}

/** Counts what is committed, and tells when it is enough. */
function counter(enough: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let count = 0
  const sink = (): StreamWriter<object, number> => ({
    guarantee: 'append',
    open: () => {
      let rows = 0
      return {
        write: (chunk) => {
          rows += chunk.length
        },
        finish: () => rows,
      }
    },
    commit: (parts) => {
      for (const rows of parts) {
        count += rows
        batches.rows += rows
      }
      batches.count++
      if (count >= enough) resolve()
    },
  })
  return { sink, reached: promise, count: () => count }
}

function start<Message>(
  folder: string,
  type: QueueType,
  queue: string,
  sink: () => StreamWriter<{ readonly body: Uint8Array }, Message>,
) {
  const options = {
    name: 'bench',
    checkpoint: sqliteCheckpoint(join(folder, `${queries++}.sqlite`)),
    trigger: whenAvailable(),
  }
  return type === 'stream'
    ? readStream(rabbitmqStream({ url, stream: queue, prefetch, content: 'bytes' }))
        .writeStream(sink, options)
        .start()
    : readStream(rabbitmqQueue({ url, queue, prefetch, maxBatch: ackEvery, content: 'bytes' }))
        .writeStream(sink, options)
        .start()
}

/** @returns seconds */
async function byQuery(folder: string, type: QueueType, queue: string, messages: number): Promise<number> {
  const { sink, reached } = counter(messages)
  const from = performance.now()
  const run = start(folder, type, queue, sink)
  await Promise.race([reached, run.terminated])
  const seconds = (performance.now() - from) / 1_000
  await run.drain()
  return seconds
}

/** @returns seconds */
async function byHand(type: QueueType, queue: string, messages: number, every: number): Promise<number> {
  const from = performance.now()
  const connection = await connect(url)
  const channel = await connection.createChannel()
  await channel.prefetch(prefetch)
  const { promise, resolve } = Promise.withResolvers<void>()
  let count = 0
  const take = (message: ConsumeMessage | null): void => {
    if (message === null) return
    count++
    if (count % every === 0 || count === messages) channel.ack(message, true)
    if (count === messages) resolve()
  }
  await channel.consume(queue, take, type === 'stream' ? { arguments: { 'x-stream-offset': 'first' } } : {})
  await promise
  await channel.prefetch(prefetch) // the broker has the last acknowledgement
  const seconds = (performance.now() - from) / 1_000
  await connection.close()
  return seconds
}

/** Told when a message was published that is committed (or received) now. */
type Took = (published: number) => void

/** Of the query to its commit, and of the loop to the receipt, one after the other: what the loop takes is the broker's and the publisher's. */
async function latency(folder: string, type: QueueType, perSecond: number): Promise<void> {
  const query = await waitsOf(type, perSecond, async (queue, took) => {
    const sink = (): StreamWriter<{ body: Uint8Array }, readonly number[]> => ({
      guarantee: 'append',
      open: () => {
        const times: number[] = []
        return {
          write: (rows) => void times.push(...rows.map(({ body }) => Buffer.from(body).readDoubleLE())),
          finish: () => times,
        }
      },
      commit: (parts) => parts.flat().forEach(took),
    })
    const run = start(folder, type, queue, sink)
    return () => run.drain()
  })
  const loop = await waitsOf(type, perSecond, async (queue, took) => {
    const connection = await connect(url)
    const channel = await connection.createChannel()
    await channel.prefetch(prefetch)
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) return
      took(message.content.readDoubleLE())
      channel.ack(message)
    }
    await channel.consume(queue, take, type === 'stream' ? { arguments: { 'x-stream-offset': 'first' } } : {})
    return () => connection.close()
  })
  const told = ({ p50, p99 }: Waits): string => `${p50.toFixed(1)} ms p50, ${p99.toFixed(1)} ms p99`
  console.log(
    `${type}, ${perSecond} messages a second: publish to commit ${told(query)}; of the loop to the receipt ${told(loop)}`,
  )
  const messages = perSecond * 5
  const what = `${type} queue, ${perSecond.toLocaleString('en')} messages a second`
  for (const share of ['p50', 'p99'] as const) {
    const figure = { unit: 'ms' as const, rows: messages, bytes: messages * bytes }
    report({ ...figure, name: `publish → commit, ${what}, ${share}`, values: [query[share]] }, ['rxjs', 'amqplib'])
    report({ ...figure, name: `publish → receipt by hand, ${what}, ${share}`, values: [loop[share]] }, ['amqplib'])
  }
}

/** Milliseconds. */
interface Waits {
  readonly p50: number
  readonly p99: number
}

async function waitsOf(
  type: QueueType,
  perSecond: number,
  consume: (queue: string, took: Took) => Promise<() => Promise<unknown>>,
): Promise<Waits> {
  const messages = perSecond * 5
  const waits: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await withQueue(type, async (queue) => {
    const stop = await consume(queue, (published) => {
      waits.push(clock() - published)
      if (waits.length >= messages) resolve()
    })
    await sleep(500)
    await load({ url, queue, messages, perSecond })
    await promise
    await stop()
  })
  waits.splice(0, perSecond) // the first second warms up
  waits.sort((a, b) => a - b)
  const at = (share: number): number => waits[Math.floor(share * waits.length)] as number
  return { p50: at(0.5), p99: at(0.99) }
}

async function memory(folder: string, messages: number): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap: number[] = []
  for (const type of types) {
    heap.length = 0
    await withQueue(type, async (queue) => {
      const { sink, reached, count } = counter(messages)
      const run = start(folder, type, queue, sink)
      const loading = load({ url, queue, messages, perSecond: 0 })
      const sampling = (async () => {
        for (let tenth = 1; tenth <= 10; tenth++) {
          while (count() < (messages * tenth) / 10) await sleep(20)
          collect()
          const { heapUsed, external } = process.memoryUsage()
          heap.push((heapUsed + external) / 2 ** 20)
        }
      })()
      await Promise.all([loading, sampling, Promise.race([reached, run.terminated])])
      await run.drain()
    })
    console.log(
      `${type}, ${messages} messages: heap and buffers after each tenth, MiB: ${heap.map((size) => size.toFixed(0)).join(' ')}`,
    )
  }
}

async function withQueue(type: QueueType, use: (queue: string) => Promise<unknown>): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  const queue = `sluice-bench-${process.pid}-${type}`
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } })
  try {
    await use(queue)
  } finally {
    await channel.deleteQueue(queue)
    await connection.close()
  }
}

/** In a thread of its own, so that publishing takes nothing from what is measured but the other core. */
function load(what: Load): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: what })
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
}

async function publish({ url, queue, messages, perSecond }: Load): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const begun = performance.now()
  for (let sent = 0; sent < messages; ) {
    const due = perSecond === 0 ? sent + 5_000 : Math.floor(((performance.now() - begun) * perSecond) / 1_000)
    for (; sent < Math.min(due, messages); sent++) send(channel, queue)
    if (perSecond === 0) await channel.waitForConfirms()
    else await sleep(1)
  }
  await channel.waitForConfirms()
  await connection.close()
}

function send(channel: ConfirmChannel, queue: string): void {
  const content = Buffer.alloc(bytes)
  content.writeDoubleLE(clock())
  channel.sendToQueue(queue, content, { persistent: true })
}

/** Milliseconds, the same in every thread. */
function clock(): number {
  return performance.timeOrigin + performance.now()
}

function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(digits)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}
