import { readFileSync } from 'node:fs'
import { mapRows } from '../../operators/map-rows.ts'
import type { StreamSource } from '../../src/data-source.ts'
import { journaled } from '../../src/journaled.ts'
import { schema } from '../../src/schema.ts'
import { type RowStream, readStream } from '../../src/stream.ts'
import { nameOf, type WorkerPlan } from './pairs.ts'
import { seededQueue } from './seeded.ts'

/** A row that is known again. */
export interface Numbered {
  readonly id: number
  readonly text: string
}

export const numbered = schema('id int not null, text string not null')

/** The source of a pair, as rows. Packages are loaded where they are used: a process that is killed often has to start fast. */
export async function rowsOf(plan: WorkerPlan): Promise<RowStream<Numbered>> {
  const { source, folder, disk, http } = plan
  const name = nameOf(plan, 'in')
  switch (source) {
    case 'numbers':
      return readStream(numbers(`${folder}/head`))
    case 'files': {
      const { files } = await import('../../src/connectors/files/source.ts')
      return readStream(
        files({
          path: folder,
          glob: '*.jsonl',
          format: 'jsonLines',
          schema: numbered,
          state: `${disk}/seen`,
          settle: 50,
        }),
      )
    }
    case 'REST': {
      const { rest, cursorPagination } = await import('../../src/connectors/rest/index.ts')
      const rows = rest({
        url: `${http}/rows/${name}`,
        schema: schema('id int not null, text string not null, at timestamp not null'),
        records: 'items',
        pagination: cursorPagination({ param: 'page', next: 'next' }),
        cursor: { field: 'at', key: 'id', param: 'since' }, // some hundred rows share a second
        repeatable: true,
        retry: { maxAttempts: 3, initialDelayMs: 20, maxDelayMs: 200 },
        timeout: '2 seconds',
      })
      return readStream(rows)
        .pipe(mapRows(({ id, text }) => ({ id, text })))
        .as(numbered)
    }
    case 'PostgreSQL': {
      const { postgresRows } = await import('../../src/connectors/postgres/source.ts')
      const { postgres: url } = plan
      return readStream(
        postgresRows({
          url,
          table: name,
          schema: numbered,
          id: 'id',
          appendOnly: true,
          partitions: 2,
          ...hastyPostgres,
        }),
      )
    }
    case 'RabbitMQ queue':
      return messages(seededQueue(plan, await queueOf(plan)))
    case 'queue, journaled':
      return messages(journaled(await queueOf(plan), { identity: ({ messageId }) => messageId }))
    case 'RabbitMQ stream': {
      const { rabbitmqStream } = await import('../../src/connectors/rabbitmq/stream-source.ts')
      return messages(rabbitmqStream({ url: plan.amqp, stream: name, content: numbered, ...hastyRabbit }))
    }
  }
}

/** A broken connection is noticed within seconds, so that there is time for many. */
export const hastyRabbit = {
  heartbeat: '2 seconds',
  connectTimeout: '2 seconds',
  openTimeout: '5 seconds',
  reconnect: { initialDelayMs: 50, maxDelayMs: 500 },
} as const

export const hastyPostgres = {
  connectTimeout: '2 seconds',
  statementTimeout: '3 seconds',
  lockTimeout: '2 seconds',
} as const

async function queueOf(plan: WorkerPlan) {
  const { rabbitmqQueue } = await import('../../src/connectors/rabbitmq/queue-source.ts')
  return rabbitmqQueue({
    url: plan.amqp,
    queue: nameOf(plan, 'in'),
    content: numbered,
    prefetch: 200,
    progressTimeout: '1 second',
    onWarning: () => undefined,
    ...hastyRabbit,
  })
}

function messages<Offset extends object, Partition, Row extends { readonly body: Numbered }>(
  source: StreamSource<Offset, Partition, Row>,
): RowStream<Numbered> {
  return readStream(source)
    .pipe(mapRows(({ body: { id, text } }: Row): Numbered => ({ id, text })))
    .as(numbered)
}

/** Rows by their numbers, up to what a file says, in two partitions. What a user writes, and what a memory would be if it outlived its process. */
function numbers(headFile: string): StreamSource<{ readonly at: number }, { from: number; to: number }, Numbered> {
  const head = (): number => Number(readFileSync(headFile, 'utf8'))
  return {
    name: 'numbers',
    schema: numbered,
    streamReader: () => ({
      initialOffset: () => ({ at: 0 }),
      latestOffset: ({ at }, { maxRows }) => ({ at: Math.max(at, Math.min(at + maxRows, head())) }),
      compare: (a, b) => a.at - b.at,
      partitions: (start, end) => {
        const middle = Math.floor((start.at + end.at) / 2)
        return [
          { from: start.at, to: middle },
          { from: middle, to: end.at },
        ].filter(({ from, to }) => from < to)
      },
      async *read({ from, to }) {
        for (let id = from; id < to; id += 10)
          yield Array.from({ length: Math.min(10, to - id) }, (_, more) => rowOf(id + more))
      },
    }),
  }
}

/** The row of a number. */
export const rowOf = (id: number): Numbered => ({ id, text: `the text of row ${id}, “as it was”` })
