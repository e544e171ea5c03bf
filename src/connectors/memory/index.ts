export type { MemoryStreamOptions } from './options.ts'
export { type MemorySink, memorySink } from './sink.ts'
export { type MemoryCall, type MemoryOffset, type MemoryPartition, type MemoryStream, memoryStream } from './source.ts'
