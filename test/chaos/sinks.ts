import type { StreamSink } from '../../src/data-source.ts'
import { nameOf, type WorkerPlan } from './pairs.ts'
import { hastyPostgres, hastyRabbit, type Numbered } from './sources.ts'

/** What is done with a sink, whatever its messages are. */
export type WithSink<Result> = <Message>(sink: StreamSink<Numbered, Message>) => Result

/** Hands over the sink of a pair. */
export async function withSink<Result>(plan: WorkerPlan, use: WithSink<Result>): Promise<Result> {
  const { sink, disk, amqp, postgres, http } = plan
  const path = `${disk}/out`
  const name = nameOf(plan, 'out')
  switch (sink) {
    case 'Delta': {
      const { deltaTable } = await import('../../src/connectors/delta/delta-table.ts')
      return use(deltaTable({ path }))
    }
    case 'Parquet':
    case 'filesSink JSON': {
      const { filesSink } = await import('../../src/connectors/files/sink.ts')
      return use(filesSink({ path, format: sink === 'Parquet' ? 'parquet' : 'jsonLines' }))
    }
    case 'jsonLines': {
      const { jsonLines } = await import('../../src/connectors/json-lines/sink.ts')
      return use(jsonLines({ path }))
    }
    case 'PG append':
    case 'PG upsert': {
      const { postgresTable } = await import('../../src/connectors/postgres/sink.ts')
      const keyed = sink === 'PG upsert' ? ({ mode: 'upsert', key: ['id'] } as const) : {}
      return use(postgresTable({ url: postgres, table: name, ...keyed, ...hastyPostgres }))
    }
    case 'RabbitMQ': {
      const { rabbitmqSink } = await import('../../src/connectors/rabbitmq/sink.ts')
      return use(
        rabbitmqSink({ url: amqp, queue: name, deduplicated: true, confirmTimeout: '3 seconds', ...hastyRabbit }),
      )
    }
    case 'HTTP': {
      const { httpSink } = await import('../../src/connectors/rest/sink/sink.ts')
      const retry = { maxAttempts: 3, initialDelayMs: 20, maxDelayMs: 200 }
      return use(httpSink({ url: `${http}/sink/${name}`, batchSize: 30, retry, timeout: '2 seconds' }))
    }
  }
}
