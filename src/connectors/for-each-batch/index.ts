export type { ForEachBatchOptions } from './options.ts'
export { forEachBatch } from './sink.ts'
