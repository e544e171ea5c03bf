import type { GuaranteeLevel } from '../../src/guarantee.ts'
import type { SeededBug } from './seeded.ts'

/** Where rows come from. `queue, journaled` drops by the message's id what the broker delivers again. */
export const sourceNames = [
  'numbers',
  'files',
  'REST',
  'PostgreSQL',
  'RabbitMQ queue',
  'queue, journaled',
  'RabbitMQ stream',
] as const

/** Where they go. */
export const sinkNames = [
  'Delta',
  'Parquet',
  'filesSink JSON',
  'jsonLines',
  'PG append',
  'PG upsert',
  'RabbitMQ',
  'HTTP',
] as const

export type SourceName = (typeof sourceNames)[number]
export type SinkName = (typeof sinkNames)[number]

/** A query of its own, in a process of its own. */
export interface Pair {
  /** Its place in the list: part of every name that it uses at a server. */
  readonly index: number
  readonly source: SourceName
  readonly sink: SinkName
  readonly checkpoint: 'file' | 'sqlite'
  /** What it does wrong on purpose. @default nothing */
  readonly seeded?: SeededBug
}

/** All there are, in waves that have each source once, each with another sink than in the wave before. */
export const waves: readonly (readonly Pair[])[] = sinkNames.map((_, wave) =>
  sourceNames.map((source, place) => ({
    index: wave * sourceNames.length + place,
    source,
    sink: sinkNames[(place + wave) % sinkNames.length] as SinkName,
    checkpoint: (wave + place) % 2 === 0 ? ('file' as const) : ('sqlite' as const),
  })),
)

/** What a process is told. Servers are behind proxies of its own. */
export interface WorkerPlan extends Pair {
  /** On an ordinary disk: what a source of files reads. */
  readonly folder: string
  /** On a small disk of its own: checkpoint and files that are written. */
  readonly disk: string
  readonly amqp: string
  readonly postgres: string
  readonly http: string
}

/** A line that a process prints. */
export type WorkerLine =
  | { readonly guarantee: GuaranteeLevel; readonly reason: string }
  | { readonly rows: number }
  | { readonly error: string }

/** What a pair is called at a server. */
export const nameOf = ({ index }: Pair, what: 'in' | 'out'): string => `chaos_${what}_${index}`
