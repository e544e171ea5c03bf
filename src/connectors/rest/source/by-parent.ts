import type { Observable } from 'rxjs'
import { OptionError } from '../../../errors.ts'
import { rules, validateOptions } from '../../../options.ts'
import { byList, type Cut, cutRule } from '../../../partition.ts'
import { abortable } from './abortable.ts'
import { type Cursor, cursorOf } from './cursor.ts'
import type { CursorOptions } from './cursor-options.ts'
import type { CursorOffset } from './cursor-position.ts'
import { type CursorPartition, type CursorSlicing, cursorSlicing } from './cursor-slicing.ts'
import type { Fields } from './fields.ts'
import { type AnySlicing, opaque, type Partitioning } from './partitioning.ts'
import { type ResourceOptions, resourceRules, zoneOption } from './resource.ts'
import { type Extract, rowsOf, type Slicing } from './slicing.ts'

/** Options of {@link byParent}: the resource whose rows lead to the rows of the source. */
export interface ParentOptions<Parent extends object, Item = never> extends ResourceOptions<Parent, Item> {
  /** Which parents are new or changed: a batch is the children of these, all of them. Without it the source is for batches. */
  readonly cursor?: CursorOptions<NoInfer<Parent>>
  /** How the parents of a batch are cut. @default 100 parents a partition */
  readonly cut?: Cut
}

/** The children of some parents; columns of these, as far as they are texts, numbers or booleans. */
export interface ParentPartition {
  readonly parents: readonly Fields[]
}

/**
 * Cuts a source by the rows of another resource: the columns of a parent fill `{name}` in the URL, parameters and body of the request for its children.
 *
 * With a cursor of the parents, a stream reads the children of each parent that is new or changed, all of them again; the parents are listed in the plan, so a replay reads the children of
 * the same ones. Limits count parents.
 *
 * ```ts
 * rest({
 *   url: `${api}/orders/{id}/lines`,
 *   schema: line,
 *   partitions: byParent({ url: `${api}/orders`, schema: order, cursor: { field: 'updated_at', key: 'id', param: 'since' } }),
 * })
 * ```
 * @throws OptionError
 */
export function byParent<Parent extends object, Item, const By extends CursorOptions<Parent> | undefined = undefined>(
  options: Omit<ParentOptions<Parent, Item>, 'cursor'> & { readonly cursor?: By },
): Partitioning<never, By extends undefined ? false : true> {
  const owner = 'byParent'
  validateOptions(owner, options, { ...resourceRules, cursor: rules.object, cut: cutRule })
  const { cursor: cursorOptions, cut = { size: 100 }, ...resource } = options
  const zone = zoneOption(owner, resource)
  const cursorAt = (now: () => number): Cursor<Parent> | undefined =>
    cursorOptions && cursorOf(`${owner}: cursor`, cursorOptions, resource.schema, { now, zone })
  cursorAt(() => 0) // its mistakes are seen here, not at the first batch
  return {
    slice: <Row extends object>(extract: Extract<Row>, beside: unknown): AnySlicing<Row> => {
      if (beside !== undefined)
        throw new OptionError('rest: with "byParent" the cursor is the parents\': give it to byParent')
      const parents = extract.another(resource)
      const cursor = cursorAt(extract.now)
      if (cursor === undefined) return opaque(allParents(parents, extract, cut))
      return opaque(newParents(cursorSlicing(parents, cursor), extract, cut))
    },
  }
}

/** The children of all parents that are there. */
function allParents<Parent extends object, Row extends object>(
  parents: Extract<Parent>,
  extract: Extract<Row>,
  cut: Cut,
): Slicing<never, ParentPartition, Row> {
  return {
    all: () => abortable((signal) => partitionsOf(extract, rowsOf(parents, parents.request, signal), cut)),
    read: (partition, signal) => childrenOf(extract, partition, signal),
  }
}

/** The children of parents that are new or changed. */
function newParents<Row extends object>(
  parents: CursorSlicing<object>,
  extract: Extract<Row>,
  cut: Cut,
): Slicing<CursorOffset, ParentPartition, Row> {
  const parentsIn = (ranges: readonly CursorPartition[]): Observable<readonly ParentPartition[]> =>
    abortable((signal) => {
      const read = async function* (): AsyncGenerator<readonly object[]> {
        for (const range of ranges) yield* parents.read(range, signal)
      }
      return partitionsOf(extract, read(), cut)
    })
  const { partitions, ...stream } = parents.stream
  return {
    stream: {
      ...stream,
      partitions: (start, end) => parentsIn(partitions(start, end)),
      defaultLimit: { maxRows: 1_000 },
    },
    all: () => parentsIn(parents.all()),
    read: (partition, signal) => childrenOf(extract, partition, signal),
    close: parents.close,
  }
}

async function* childrenOf<Row extends object>(
  extract: Extract<Row>,
  { parents }: ParentPartition,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  for (const fields of parents) {
    const one = extract.of(fields)
    yield* rowsOf(one, one.request, signal)
  }
}

/** A parent that is there twice (it changed while pages were read) leads to the same children: it is asked for once. */
async function partitionsOf<Row extends object>(
  extract: Extract<Row>,
  chunks: AsyncIterable<readonly object[]>,
  cut: Cut,
): Promise<readonly ParentPartition[]> {
  const parents = new Map<string, Fields>()
  for await (const rows of chunks) {
    for (const row of rows) {
      const fields = fieldsOf(row)
      parents.set(JSON.stringify(extract.of(fields).request), fields)
    }
  }
  return byList([...parents.values()], cut).map((slice) => ({ parents: slice }))
}

function fieldsOf(row: object): Fields {
  const fields: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'bigint') fields[name] = `${value}`
    else if (value instanceof Date) fields[name] = value.toISOString()
    else if (typeof value === 'string' || typeof value === 'boolean') fields[name] = value
    else if (typeof value === 'number' && Number.isFinite(value)) fields[name] = value
  }
  return fields
}
