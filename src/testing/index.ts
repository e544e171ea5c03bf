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
export { exploreConnectors } from './explore-connectors.ts'
export type { Connectors, ExploreConnectorsOptions } from './connectors.ts'
export { type ExploreOptions, exploreCrashes } from './explore-crashes.ts'
export type { ModelPipeline, ModelPorts, ModelSourceKind } from './model.ts'
export type { ModelOut, ModelSinkKind } from './model-sink.ts'
export type { ModelOffset, ModelRange, ModelRow } from './model-source.ts'
export type { FaultKind } from './schedule.ts'

// What every connector has to do
export {
  type AckedReaderSuiteOptions,
  type AckedReaderTest,
  type AckedReaderUnderTest,
  ackedReaderSuite,
} from './conformance/acked-reader.ts'
export type { CheckpointTest, CheckpointUnderTest } from './conformance/checkpoint.ts'
export { checkpointSuite } from './conformance/checkpoint.ts'
export type { ConformanceTest, SuiteOptions, UnderTest } from './conformance/conformance-test.ts'
export {
  type ReaderUnderTest,
  type StreamReaderSuiteOptions,
  type StreamReaderTest,
  streamReaderSuite,
} from './conformance/stream-reader.ts'
export {
  type StreamWriterSuiteOptions,
  type StreamWriterTest,
  streamWriterSuite,
  type WriterUnderTest,
} from './conformance/stream-writer.ts'
export type { Models } from './models.ts'

// Networks that break
export {
  type FaultyHttpProxy,
  faultyHttpProxy,
  type HttpFault,
  type HttpFaultTarget,
} from './faulty-http-proxy.ts'
export { type FaultyProxy, faultyProxy, type ProxyMode } from './faulty-proxy.ts'
