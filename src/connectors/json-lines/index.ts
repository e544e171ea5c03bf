export type { Entry, PartFile } from '../manifest/entry.ts'
export type { JsonLinesOptions } from './options.ts'
export { type JsonRow, readJsonLines } from './read.ts'
export { jsonLines } from './sink.ts'
