/**
 * Three processes on one queue, one of which is killed every second: `npm run services`, then `npx node examples/rabbitmq/three-processes.ts`.
 *
 * The broker shares the messages out. Each process is a query of its own, with its own checkpoint; what one had in hand when it was killed goes to
 * another, or to itself when it is back. No order is lost; an order that is there twice was in hand: `prefetch` of them at most for each kill.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lastValueFrom } from 'rxjs'
import * as sluice from 'sluice'
import { mapRows } from 'sluice/operators'
import { rabbitmqQueue, rabbitmqSink } from 'sluice/rabbitmq'
import { untilInterrupted } from '../run.ts'
import { brokerUrl, declareQueues, emptyQueue, order } from './broker.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_PREFIX: prefix = 'sluice-example',
  SLUICE_EXAMPLE_ORDERS: total = '3000',
} = process.env

const url = brokerUrl()
const queue = `${prefix}-shared`
const folder = `${data}/shared`
const prefetch = 20
const [worker] = process.argv.slice(2)
await (worker === undefined ? parent(Number(total)) : consume(worker))

async function consume(name: string): Promise<void> {
  const { run } = untilInterrupted()
  const query = sluice
    .readStream(rabbitmqQueue({ url, queue, content: order, prefetch, connectionName: name }))
    .pipe(mapRows(({ body }) => ({ ...body, worker: name })))
    .writeStream(sluice.jsonLines({ path: folder }), {
      name,
      checkpoint: sluice.sqliteCheckpoint(`${checkpoints}/shared/${name}.sqlite`),
      trigger: sluice.processingTime('50 ms'), // slowly, for there is something to see
      restart: { maxAttempts: 100 },
    })
  await run(query, () => {})
}

async function parent(orders: number): Promise<void> {
  for (const old of [folder, `${checkpoints}/shared`]) rmSync(old, { recursive: true, force: true })
  await declareQueues(url, queue)
  await emptyQueue(url, queue)
  await publish(orders)

  const workers = new Map<number, ChildProcess>()
  let kills = 0
  let ending = false
  const begin = (name: number): void => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), String(name)], { stdio: 'inherit' })
    workers.set(name, child)
    child.on('exit', (code) => {
      if (!ending && code === null) begin(name) // killed
    })
  }
  for (const name of [1, 2, 3]) begin(name)
  console.log(`${orders} orders are in ${queue}, and three processes at it.`)

  let seen: number[] = []
  for (const deadline = Date.now() + 120_000; new Set(seen).size < orders && Date.now() < deadline; ) {
    await sleep(1_000)
    seen = await written()
    console.log(`${new Set(seen).size} orders are written, ${seen.length - new Set(seen).size} of them again`)
    if (new Set(seen).size < orders) workers.get((kills++ % 3) + 1)?.kill('SIGKILL')
  }
  ending = true
  for (const child of workers.values()) child.kill('SIGINT')
  await Promise.all([...workers.values()].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')))

  seen = await written() // a batch may have been on its way
  const distinct = new Set(seen).size
  console.log(
    `${kills} kills: ${orders - distinct} orders lost, ${seen.length - distinct} repeats (${kills * prefetch} at most)`,
  )
}

async function publish(orders: number): Promise<void> {
  const query = sluice
    .readStream(sluice.rate({ rowsPerBatch: orders, startTime: 0 }))
    .pipe(mapRows(({ value }) => ({ id: value, item: 'tea', cents: 250 })))
    .writeStream(rabbitmqSink({ url, queue }), {
      name: 'shared-in',
      checkpoint: sluice.memoryCheckpoint(),
      trigger: sluice.once(),
    })
  await lastValueFrom(query)
}

async function written(): Promise<number[]> {
  const ids: number[] = []
  if (!existsSync(`${folder}/_manifest`)) return ids
  for await (const { id } of sluice.readJsonLines<{ id: number }>(folder)) ids.push(id)
  return ids
}
