import { OptionError } from '../../../errors.ts'
import type { OffsetObject } from '../../../offset.ts'
import type { Extract, Slicing } from './slicing.ts'

/** How a source is cut, as `byIds`, `byTime`, `byItems` and `byParent` make it for the option `partitions` of `rest`. */
export interface Partitioning<Column extends string = string, Positions extends boolean = boolean> {
  /** Called by `rest`, with what its option `cursor` makes, if it is there. */
  readonly slice: MakeSlicing
  /** Never there: the columns that the schema has to have, and whether there are positions, so that a stream can be read. */
  readonly '~of'?: { readonly columns: Column; readonly positions: Positions }
}

/** A slicing whose offsets and partitions only it understands. */
export type AnySlicing<Row extends object> = Slicing<OffsetObject, unknown, Row>

export type MakeSlicing = <Row extends object>(
  extract: Extract<Row>,
  cursor: ((extract: Extract<Row>) => AnySlicing<Row>) | undefined,
) => AnySlicing<Row>

/** Whoever gets offsets and partitions from a slicing gives them back to the same one. */
export function opaque<Offset extends object, Partition, Row extends object>(
  slicing: Slicing<Offset, Partition, Row>,
): AnySlicing<Row> {
  return slicing as unknown as AnySlicing<Row>
}

/** @throws OptionError for a cursor beside a partitioning that has positions of its own. */
export function refuseCursor(owner: string, cursor: unknown): void {
  if (cursor !== undefined)
    throw new OptionError(
      `rest: options "cursor" and "partitions: ${owner}(…)" exclude each other: both say what is new`,
    )
}
