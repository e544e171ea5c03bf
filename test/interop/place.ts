import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { jsonLines } from '../../src/connectors/json-lines/sink.ts'
import type { PartFile } from '../../src/connectors/manifest/entry.ts'
import type { StreamWriter } from '../../src/sink.ts'
import { readStream } from '../../src/stream.ts'
import type { StreamingQuery } from '../../src/streaming-query.ts'
import { availableNow } from '../../src/trigger.ts'
import { union } from '../../src/union.ts'
import { numbers } from './numbers.ts'

/** One query's files, for both engines. */
export interface Place {
  readonly checkpoint: string
  /** The head of the source. */
  readonly head: string
  /** The head of a second source, whose numbers come with the first one's; without it there is one source. */
  readonly second?: string
  /** What the source was told is finished: one number a line. */
  readonly acks: string
  /** sluice's sink: a folder of JSON lines. */
  readonly sluice: string
  /** Spark's sink: a file for each attempt at a batch. */
  readonly spark: string
}

export function makePlace(folder: string): Place {
  const place = {
    checkpoint: join(folder, 'checkpoint'),
    head: join(folder, 'head'),
    acks: join(folder, 'acks'),
    sluice: join(folder, 'sluice'),
    spark: join(folder, 'spark'),
  }
  for (const path of [place.sluice, place.spark]) mkdirSync(path)
  writeFileSync(place.acks, '')
  return place
}

export type Writer = StreamWriter<object, readonly PartFile[]>

export interface NumbersQueryOptions {
  readonly maxRows?: number
  /** Batches kept in the checkpoint. */
  readonly retain?: number
  /** What becomes of the writer of JSON lines. */
  readonly change?: (writer: Writer) => Writer
}

/** Everything below the head, then it completes. */
export function numbersQuery(place: Place, options: NumbersQueryOptions = {}): StreamingQuery {
  const { maxRows = 10, retain = 100, change = (writer) => writer } = options
  const { head, second, acks } = place
  const first = numbers({ head, acks })
  const rows =
    second === undefined ? readStream(first) : readStream(union({ first, second: numbers({ head: second, acks }) }))
  return rows.writeStream(() => change(jsonLines({ path: place.sluice }).streamWriter()), {
    name: 'numbers',
    checkpoint: fileCheckpoint(place.checkpoint, { retain }),
    trigger: availableNow(),
    limit: { maxRows },
  })
}

export function acknowledged(place: Place): readonly number[] {
  return readFileSync(place.acks, 'utf8').split('\n').filter(Boolean).map(Number)
}
