export type { ForEachBatchOptions } from './options.ts'
export { type ForEachBatchSink, forEachBatch } from './sink.ts'
