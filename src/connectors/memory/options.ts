import { type OptionRule, rules, validateOptions } from '../../options.ts'
import type { Schema } from '../../schema.ts'

/** Options of `memoryStream`. */
export interface MemoryStreamOptions<Row extends object = object> {
  /** @default 'memory' */
  readonly name?: string
  /** Of the rows; sinks that need a schema ask for it. Rows aren't checked against it. */
  readonly schema?: Schema<Row>
  /** Slices a batch is read in. @default 1 */
  readonly partitions?: number
  /** Rows of a chunk. @default 1000 */
  readonly chunkRows?: number
  /** Whether rows are forgotten once they are committed. @default false */
  readonly forgetCommitted?: boolean
}

const memoryStreamRules = {
  name: rules.string,
  schema: rules.object,
  partitions: rules.positiveInteger,
  chunkRows: rules.positiveInteger,
  forgetCommitted: rules.boolean,
} as const satisfies Record<keyof MemoryStreamOptions, OptionRule>

export type MemoryStreamSettings<Row extends object> = Required<Omit<MemoryStreamOptions, 'schema'>> & {
  readonly schema: Schema<Row> | undefined
}

/** @throws OptionError */
export function memoryStreamSettings<Row extends object>(options: MemoryStreamOptions<Row>): MemoryStreamSettings<Row> {
  validateOptions('memoryStream', options, memoryStreamRules)
  const { name = 'memory', schema, partitions = 1, chunkRows = 1_000, forgetCommitted = false } = options
  return { name, schema, partitions, chunkRows, forgetCommitted }
}
