export { noop } from './sink.ts'
