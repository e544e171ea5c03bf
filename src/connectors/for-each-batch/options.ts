import { type OptionRule, rules, validateOptions } from '../../options.ts'
import type { WriterGuarantee } from '../../sink.ts'

/** Options of `forEachBatch`. */
export interface ForEachBatchOptions {
  /**
   * What the function promises about a batch that it is given twice:
   * - `append`: its effect is repeated.
   * - `{ idempotent: 'key' }`: its rows overwrite themselves.
   * - `transactional`: it recognises the batch by `queryId`, `sinkId` and `batchId`, and keeps these together with the rows in one transaction.
   *
   * Say more than `append` only where that is so; nobody can check it.
   * @default 'append'
   */
  readonly guarantee?: Exclude<WriterGuarantee, { idempotent: unknown }> | { readonly idempotent: 'key' }
  /** @default 'for_each_batch' */
  readonly name?: string
}

function isGuarantee(value: unknown): boolean {
  if (value === 'append' || value === 'transactional') return true
  return typeof value === 'object' && value !== null && 'idempotent' in value && value.idempotent === 'key'
}

const forEachBatchRules = {
  guarantee: { expected: '"append", "transactional" or { idempotent: "key" }', accepts: isGuarantee },
  name: rules.string,
} as const satisfies Record<keyof ForEachBatchOptions, OptionRule>

/** @throws OptionError */
export function forEachBatchSettings(options: ForEachBatchOptions): Required<ForEachBatchOptions> {
  validateOptions('forEachBatch', options, forEachBatchRules)
  const { guarantee = 'append', name = 'for_each_batch' } = options
  return { guarantee, name }
}
