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

export const suite: readonly BenchFile[] = [{ file: 'pipeline-rows', kind: 'cases' }]

export const needs = { rabbitmq: service('AMQP_URL', 'RabbitMQ'), postgres: service('DATABASE_URL', 'PostgreSQL') }
