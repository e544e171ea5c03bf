import type { BoundSink, StreamSource } from '../data-source.ts'
import { CrashWorld } from './crash-world.ts'
import { type ModelOut, ModelSink, type ModelSinkKind } from './model-sink.ts'
import { type ModelOffset, ModelQueue, type ModelRange, type ModelRow, ModelTable } from './model-source.ts'

/** Models to put beside a source or a sink of one's own. */
export interface Models {
  /** A table that grows, or a queue; its rows are `{ id }`, from 0. */
  readonly source: (
    kind: 'replayable' | 'acked',
    partitions?: number,
  ) => StreamSource<ModelOffset, ModelRange, ModelRow>
  /** What takes rows with an `id`, and says which it has. */
  readonly sink: (kind: ModelSinkKind) => {
    readonly sink: BoundSink<ModelOut, readonly number[]>
    readonly ids: () => readonly number[]
  }
}

/** @param rows of the source. */
export function models(rows: number): Models {
  // Nothing befalls their own effects: what is explored are the calls.
  const world = new CrashWorld([])
  return {
    source: (kind, partitions = 2) => {
      const source = kind === 'acked' ? new ModelQueue(rows, partitions) : new ModelTable(rows, partitions)
      return { name: kind, streamReader: () => source.reader(world.start()) }
    },
    sink: (kind) => {
      const sink = new ModelSink(kind)
      return {
        sink: { name: kind, streamWriter: () => sink.writer(world.start()) },
        ids: () => sink.ids,
      }
    },
  }
}
