import { type OptionRule, rules } from '../../../options.ts'
import { type ClientOptions, clientRules } from '../http/options.ts'
import { type JsonItem, type ResourceOptions, resourceRules } from './resource.ts'

/** Options of `rest`, beside `cursor` and `partitions`. */
export interface RestOptions<Row extends object, Item = JsonItem> extends ResourceOptions<Row, Item>, ClientOptions {
  /** Names the source in errors, and is stored in the checkpoint. @default 'rest' */
  readonly name?: string
  /**
   * Rows are only ever added: read again, a batch has the same ones. A stream of rows that may change or go is at-least-once with a sink that goes by the place of a row. @default false
   */
  readonly repeatable?: boolean
}

export const restRules = {
  ...resourceRules,
  ...clientRules,
  name: rules.string,
  repeatable: rules.boolean,
} as const satisfies Record<keyof RestOptions<object>, OptionRule>
