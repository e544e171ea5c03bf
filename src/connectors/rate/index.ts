export type { RateOptions } from './options.ts'
export { type RateOffset, type RatePartition, type RateRow, rate } from './source.ts'
