import { map } from 'rxjs'
import { fileCheckpoint } from '../../../../../src/checkpoint/file.ts'
import { jsonLines } from '../../../../../src/connectors/json-lines/sink.ts'
import type { HttpSinkOptions, Idempotency, SinkFormat } from '../../../../../src/connectors/rest/sink/options.ts'
import { httpSink } from '../../../../../src/connectors/rest/sink/sink.ts'
import { defineDataSource } from '../../../../../src/data-source.ts'
import { schema } from '../../../../../src/schema.ts'
import { readStream } from '../../../../../src/stream.ts'
import { availableNow } from '../../../../../src/trigger.ts'

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const formats: readonly SinkFormat[] = ['json array', 'ndjson', 'single', 'form']

/** How a run is set up: all of it follows from the seed. */
export interface Scenario {
  readonly seed: number
  readonly total: number
  readonly format: SinkFormat
  readonly idempotency: Idempotency<'id'>
  readonly batchSize: number
  readonly concurrency: number
  readonly partitions: number
  readonly maxRows: number
  readonly maxBytes: number | undefined
  readonly breaker: boolean
  readonly certain: boolean
  /** The receiver answers 207 with what became of each row. */
  readonly byRow: boolean
  /** Rows that the receiver takes in a request. */
  readonly mostRows: number
  /** Every nth row is bad; 0: none. */
  readonly badEvery: number
}

export function scenarioOf(seed: number): Scenario {
  const next = random(seed)
  const upTo = (most: number): number => 1 + Math.floor(next() * most)
  const format = formats[Math.floor(next() * formats.length)] ?? 'json array'
  const single = format === 'single' || format === 'form'
  const byKey = next() < 0.15
  const byField = next() < 0.3
  return {
    seed,
    total: single ? 60 : 150,
    format,
    idempotency: byKey ? { key: 'id' } : byField ? { field: 'once' } : { header: 'Idempotency-Key' },
    batchSize: upTo(12),
    concurrency: upTo(3),
    partitions: upTo(3),
    maxRows: 20 + upTo(60),
    maxBytes: next() < 0.2 ? 200 + upTo(600) : undefined,
    breaker: next() < 0.3,
    certain: next() < 0.7,
    byRow: !single && next() < 0.5,
    mostRows: next() < 0.3 ? upTo(5) : Infinity,
    badEvery: next() < 0.6 ? 5 + upTo(20) : 0,
  }
}

export interface Row {
  readonly id: number
  readonly name: string
}

export const isBad = ({ badEvery }: Scenario, id: number): boolean => badEvery > 0 && id % badEvery === 3

const rowSchema = schema('id int not null, name string not null')

/** Rows by their numbers, in other chunks each time. */
const numbers = defineDataSource({
  name: 'numbers',
  schema: rowSchema,
  streamReader: ({ total, partitions }: { readonly total: number; readonly partitions: number }) => ({
    initialOffset: () => ({ next: 0 }),
    latestOffset: (start: { next: number }, { maxRows }: { maxRows: number }) => ({
      next: Math.min(start.next + maxRows, total),
    }),
    partitions: (start: { next: number }, end: { next: number }) =>
      Array.from({ length: Math.min(partitions, end.next - start.next) }, (_, index) => {
        const at = (part: number): number =>
          start.next + Math.floor(((end.next - start.next) * part) / Math.min(partitions, end.next - start.next))
        return { from: at(index), to: at(index + 1) }
      }),
    async *read({ from, to }: { from: number; to: number }) {
      for (let at = from; at < to; ) {
        const until = Math.min(to, at + 1 + Math.floor(Math.random() * 13))
        yield Array.from({ length: until - at }, (_, index) => ({ id: at + index, name: `row ${at + index}` }))
        at = until
      }
    },
  }),
})

interface Places {
  readonly url: string
  readonly checkpoint: string
  readonly refused: string
}

/** The query of a scenario, to run to its end or to be stopped or killed before. */
export function queryOf(scenario: Scenario, { url, checkpoint, refused }: Places) {
  const { format, batchSize, maxBytes } = scenario
  const single = format === 'single' || format === 'form'
  const options: HttpSinkOptions<Row, never, 'id'> = {
    url: single ? `${url}/{id}` : url,
    format,
    idempotency: scenario.idempotency,
    concurrency: scenario.concurrency,
    retry: { initialDelayMs: 2, maxDelayMs: 20, maxAttempts: 4 },
    timeout: { total: 400 },
    deadLetters: jsonLines({ path: refused }) as never,
    maxDeadLetters: Infinity,
    ...(single ? {} : { batchSize }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(scenario.breaker ? { breaker: { failures: 3, openFor: 20 } } : {}),
    ...(scenario.byRow
      ? { rowErrors: ({ body }) => (body as { readonly errors: readonly { readonly index: number }[] }).errors }
      : {}),
  }
  const rows = readStream(numbers(scenario))
  return (scenario.certain ? rows : rows.pipe(map((chunk: readonly Row[]) => chunk)))
    .as(rowSchema)
    .writeStream(httpSink<Row, never, 'id'>(options), {
      name: 'random',
      checkpoint: fileCheckpoint(checkpoint),
      trigger: availableNow(),
      limit: { maxRows: scenario.maxRows },
      retry: { initialDelayMs: 2, maxDelayMs: 20, maxAttempts: 3 },
    })
}
