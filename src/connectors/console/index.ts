export type { ConsoleOptions } from './options.ts'
export { type ConsoleMessage, console } from './sink.ts'
