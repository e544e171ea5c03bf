// Marble tests
export { type Diagram, diagramOf, type Message } from './diagram.ts'
export { type MarblesContext, marbles } from './marbles.ts'
// The engine in virtual time
export { type Driven, type DriveOptions, drive } from './driver.ts'
export type {
  DrivenBatch,
  DrivenReader,
  Fault,
  Faults,
  ReaderCall,
  ReaderPort,
  WriterPort,
} from './driver-record.ts'
export { timeline } from './driver-timeline.ts'
// Crashes
export type { CrashFailure, CrashReport } from './crash-report.ts'
export { type Connectors, type ExploreConnectorsOptions, exploreConnectors } from './explore-connectors.ts'
export { type ExploreOptions, exploreCrashes } from './explore-crashes.ts'
export type { ModelPipeline, ModelPorts, ModelSourceKind } from './model.ts'
export type { ModelOut, ModelSinkKind } from './model-sink.ts'
export type { ModelOffset, ModelRange, ModelRow } from './model-source.ts'
export type { FaultKind } from './schedule.ts'
