import { GuaranteeError } from './errors.ts'
import { atLeast, computeGuarantee, type Guarantee } from './guarantee.ts'
import type { QuerySpec } from './query-spec.ts'
import type { StreamWriter, WriterGuarantee } from './sink.ts'
import { journalPort, type StreamReader } from './source.ts'

/**
 * What a query promises, of several sinks for each of them too.
 * @throws GuaranteeError when the user asked for more.
 */
export function guaranteeOf<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  spec: QuerySpec<Offset, Partition, Row, Out, Message>,
  reader: StreamReader<Offset, Partition, Row>,
  writer: StreamWriter<Out, Message>,
  replays: { readonly deterministic: boolean; readonly repeatable: boolean },
): Guarantee {
  const journal = reader.kind === 'acked' ? undefined : reader[journalPort]
  const kind = reader.kind === 'acked' ? 'acked' : journal?.acked === true ? 'journaled' : 'replayable'
  const identity = journal?.identity ?? false
  const durable = spec.checkpoint.durable ?? true
  const of = (promise: WriterGuarantee) =>
    computeGuarantee({ reader: kind, identity, writer: promise, ...replays, durable })
  const whole = of(writer.guarantee)
  const sinks = Object.entries(writer.sinkGuarantees ?? {}).map(([id, promise]) => [id, of(promise)] as const)
  const { require: wanted } = spec
  if (wanted !== undefined && !atLeast(whole.level, wanted)) {
    const weak = sinks.filter(([, { level }]) => !atLeast(level, wanted)).map(([id]) => `sink ${JSON.stringify(id)}`)
    const because = [weak.join(', '), whole.reason].filter((part) => part !== '').join(': ')
    throw new GuaranteeError(`it requires ${wanted}, and it can give ${whole.level}: ${because}`)
  }
  return sinks.length === 0 ? whole : { ...whole, sinks: Object.fromEntries(sinks) }
}
