// Errors
export { RabbitError, RabbitRefusedError } from '../../errors.ts'

// Connections
export type { RabbitConnectionOptions } from './connection-options.ts'
export type { ConnectionTls } from '../../connection-tls.ts'

// Queues
export type { QueueDeclaration } from './declaration.ts'
export { messageIdentity } from './message-identity.ts'
export type { BodyOf, MessageContent, MessageRow } from './message-row.ts'
export type { DeadMessage, PoisonOptions, QueueConsumer, RabbitQueueOptions } from './queue-options.ts'
export type { QueueCounts, QueueOffset, QueuePartition } from './queue-ports.ts'
export { type RabbitQueue, rabbitmqQueue } from './queue-source.ts'

// Streams
export type { RabbitStreamOptions, StreamStart } from './stream-options.ts'
export {
  type RabbitStreamOffset,
  type RabbitStreamPartition,
  type RabbitStreamRow,
  rabbitmqStream,
} from './stream-source.ts'

// Publishing
export { type RabbitReceipt, rabbitmqSink } from './sink.ts'
export type { RabbitMessageProperties, RabbitSinkOptions } from './sink-options.ts'
