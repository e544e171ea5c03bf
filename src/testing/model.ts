import type { Observable } from 'rxjs'
import type { StreamSource } from '../data-source.ts'
import type { QueryOptions } from '../query-options.ts'
import type { StreamWriter } from '../sink.ts'
import type { ModelOut } from './model-sink.ts'
import type { ModelOffset, ModelRange, ModelRow } from './model-source.ts'

/**
 * - `replayable`: a table that grows; `acked`: a queue;
 * - `journaled`: the queue behind a journal; `identified`: the same, with an identity.
 */
export type ModelSourceKind = 'replayable' | 'acked' | 'journaled' | 'identified'

/** What a pipeline under exploration is made of. Use them as they are, or wrapped. */
export interface ModelPorts {
  readonly source: StreamSource<ModelOffset, ModelRange, ModelRow>
  readonly sink: () => StreamWriter<ModelOut, readonly number[]>
  /** For `writeStream`: name, checkpoint, trigger, limit, time. */
  readonly options: QueryOptions<never>
  /** For a union or a tee: another source of the same kind, whose ids go on where those of `source` end, and another sink. What isn't used isn't asked for. */
  readonly second: Pick<ModelPorts, 'source' | 'sink'>
}

/** Builds the pipeline anew for each process: `({ source, sink, options }) => readStream(source).pipe(…).writeStream(sink, options)`. */
export type ModelPipeline = (ports: ModelPorts) => Observable<unknown>
