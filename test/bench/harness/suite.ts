import { serviceUrl } from '../../support/service-urls.ts'

/** A file of the bench. */
export interface BenchFile {
  readonly file: string
  /** Files of `bench([…])` run each case in processes of its own; programs report figures as they go. */
  readonly kind: 'cases' | 'program'
  /** Of a program: its arguments, and those of a quick run. */
  readonly args?: readonly string[]
  readonly quickArgs?: readonly string[]
  /** Why it can't be run here. */
  readonly missing?: () => string | undefined
}

const service = (variable: 'AMQP_URL' | 'DATABASE_URL', what: string) => (): string | undefined =>
  serviceUrl(variable) === undefined
    ? `no ${what} here: \`npm run services\` starts one, ${variable} names one`
    : undefined

const cases = (...files: readonly string[]): BenchFile[] => files.map((file) => ({ file, kind: 'cases' }))

/** In the order of the table. */
export const suite: readonly BenchFile[] = [
  ...cases('pipeline-rows', 'pipeline-rivals', 'pipeline-operators', 'pipeline-batch', 'pipeline-latency'),
  ...cases('pipeline-partitions', 'pipeline-memory', 'start'),
  { file: 'metrics', kind: 'program', args: ['9'], quickArgs: ['3'] },
  { file: 'http', kind: 'program', args: ['2'], quickArgs: ['1', '200000'] },
  {
    file: 'rabbitmq',
    kind: 'program',
    args: ['100000', '3', '0'],
    quickArgs: ['20000', '2', '0'],
    missing: service('AMQP_URL', 'RabbitMQ'),
  },
  {
    file: 'tables-postgres',
    kind: 'program',
    args: ['300000', '5'],
    quickArgs: ['100000', '2'],
    missing: service('DATABASE_URL', 'PostgreSQL'),
  },
  { file: 'tables-delta', kind: 'program', args: ['5'], quickArgs: ['2', '50000'] },
  { file: 'tables-files', kind: 'program', args: ['5'], quickArgs: ['2'] },
]
