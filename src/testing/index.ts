// Marble tests
export { type Diagram, diagramOf, type Message } from './diagram.ts'
// Crashes
export {
  type CrashFailure,
  type CrashReport,
  type ExploreOptions,
  exploreCrashes,
  type ModelPipeline,
  type ModelPorts,
  type ModelSourceKind,
} from './explore-crashes.ts'
export { type MarblesContext, marbles } from './marbles.ts'
export type { ModelOut, ModelSinkKind } from './model-sink.ts'
export type { ModelOffset, ModelRange, ModelRow } from './model-source.ts'
