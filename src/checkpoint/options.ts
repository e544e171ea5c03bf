import type { OptionRule } from '../options.ts'

export interface RetainOption {
  /**
   * How many finished batches stay in the log, from 2 (Spark needs the last two). A batch's journal is kept as long as the batch.
   * @default 100
   */
  readonly retain?: number
}

export const defaultRetain = 100

export const retainRule: OptionRule = {
  expected: 'an integer from 2',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 2,
}
