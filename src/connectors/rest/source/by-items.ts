import { concatMap, EMPTY, from, map, type Observable, toArray } from 'rxjs'
import { OptionError, PortError } from '../../../errors.ts'
import type { OffsetObject } from '../../../offset.ts'
import { type PerKeyOffset, perKeyOffset } from '../../../offsets/per-key.ts'
import type { Positions } from '../../../offsets/positions.ts'
import { type OptionRule, rules, validateOptions } from '../../../options.ts'
import { fromCommand, fromResult, type Result } from '../../../result.ts'
import type { Fields } from './fields.ts'
import { Listed, type ListItem, namedItems } from './listed.ts'
import { type AnySlicing, opaque, type Partitioning } from './partitioning.ts'
import { type Extract, rowsOf, type Slicing, type StreamPart } from './slicing.ts'

/** Options of {@link byItems}. */
export interface ItemsOptions<Within extends Partitioning | undefined> {
  /** The field that names an item: texts become a field of this name, `{key}`. Every item has its own; it is stored in the checkpoint. @default 'key' */
  readonly key?: string
  /** How the rows of one item are cut further: `byTime` or `byIds`. A `cursor` beside the list does the same. @default not at all */
  readonly within?: Within
}

/** The rows of one item: all of them, or a partition of how they are cut further. */
export interface ItemPartition {
  readonly of: Fields
  readonly range?: unknown
}

const itemsRule: OptionRule = {
  expected: 'a list of texts or of objects, or a function that answers with one',
  accepts: (value) => typeof value === 'function' || Array.isArray(value),
}

/**
 * Cuts a source by a list (stations, accounts): the fields of an item fill `{name}` in the request's URL, parameters and body. A column that the rows lack and the item has is filled from it.
 *
 * With a `cursor`, or with `within`, each item has a position of its own, and a list that is a function is asked again for each batch: a new item joins with its own beginning,
 * one that is gone keeps its position. Without, it is for batches. **Hazard**: the fields of items stand in the checkpoint's plans, so no secrets among them.
 *
 * (`byList` of `sluice` is another thing: it cuts a list that a source has into partitions.)
 *
 * ```ts
 * rest({ url: 'https://…/stations/{station}/readings', schema, cursor, partitions: byItems(['berlin', 'oslo'], { key: 'station' }) })
 * ```
 * @throws OptionError
 */
export function byItems<const Within extends Partitioning | undefined = undefined>(
  items: readonly ListItem[] | (() => Result<readonly ListItem[]>),
  options: ItemsOptions<Within> = {},
): Partitioning<ColumnsOf<Within>, PositionsOf<Within>> {
  const owner = 'byItems'
  validateOptions(owner, { items, ...options }, { items: itemsRule, key: rules.string, within: rules.object })
  const { key = 'key', within } = options
  const stated = typeof items === 'function' ? [] : [...namedItems(owner, key, items).values()]
  return {
    slice: (extract, cursor) => {
      for (const fields of stated) void extract.of(fields).request // a URL with {names} that no field fills
      if (within !== undefined && cursor !== undefined)
        throw new OptionError(`${owner}: option "within" and the source's "cursor" exclude each other`)
      const listed = new Listed(owner, key, items)
      const inner = within === undefined ? cursor : (one: typeof extract) => within.slice(one, undefined)
      return inner === undefined ? opaque(wholeItems(listed, extract)) : opaque(cutItems(listed, extract, inner))
    },
  }
}

/** The columns and positions of what stands within a list. */
type ColumnsOf<Within> = Within extends Partitioning<infer Column, boolean> ? Column : never
type PositionsOf<Within> = Within extends Partitioning<string, infer Positions> ? Positions : false

function wholeItems<Row extends object>(listed: Listed, extract: Extract<Row>): Slicing<never, ItemPartition, Row> {
  return {
    all: () => listed.now().pipe(map((named) => [...named.values()].map((of) => ({ of })))),
    read: ({ of }, signal) => {
      const one = extract.of(of)
      return rowsOf(one, one.request, signal)
    },
    partitionKey: ({ of }) => listed.nameOf(of),
  }
}

function cutItems<Row extends object>(
  listed: Listed,
  extract: Extract<Row>,
  slice: (extract: Extract<Row>) => AnySlicing<Row>,
): Slicing<PerKeyOffset<OffsetObject>, ItemPartition, Row> {
  const slicings = new Map<string, AnySlicing<Row>>()
  /** One for each item, because it may keep rows between planning and reading. */
  const slicingOf = (fields: Fields): AnySlicing<Row> => {
    const text = JSON.stringify(fields)
    const known = slicings.get(text)
    if (known !== undefined) return known
    const made = slice(extract.of(fields))
    slicings.set(text, made)
    return made
  }
  const forgetOthers = (named: ReadonlyMap<string, Fields>): void => {
    const present = new Set([...named.values()].map((fields) => JSON.stringify(fields)))
    for (const [text, slicing] of slicings) {
      if (present.has(text)) continue
      slicing.close?.()
      slicings.delete(text)
    }
  }
  const of = (name: string): StreamPart<OffsetObject, unknown> => streamOf(slicingOf(listed.fieldsOf(name)))

  // No item takes more than its share from the start: what it could take, it fetches and keeps.
  let maxRows = Infinity
  let share = Infinity
  const keys = (): Observable<readonly string[]> =>
    listed.now().pipe(
      map((named) => {
        forgetOthers(named)
        share = Math.ceil(maxRows / Math.max(1, named.size))
        return [...named.keys()]
      }),
    )
  const anyOf = streamOf(slice(extract))
  const inner: Positions<OffsetObject, unknown, [name: string]> = {
    initialOffset: (name) => of(name).initialOffset(),
    latestOffset: (start, limit, name) =>
      of(name).latestOffset(start, { ...limit, maxRows: Math.min(limit.maxRows, share) }),
    partitions: (start, end) => {
      const ranges = anyOf.partitions(start, end)
      if (Array.isArray(ranges)) return ranges
      throw new PortError("byItems: parents have to be asked for, and so can't stand within a list")
    },
    compare: anyOf.compare,
    ...(anyOf.reportLatestOffset && {
      reportLatestOffset: (name: string) => (of(name).reportLatestOffset as () => Result<OffsetObject>)(),
    }),
  }
  const { reportLatestOffset, ...perKey } = perKeyOffset({ keys, inner })

  return {
    stream: {
      initialOffset: perKey.initialOffset,
      latestOffset: (start, limit) => {
        maxRows = limit.maxRows
        return perKey.latestOffset(start, limit)
      },
      partitions: (start, end) =>
        perKey.partitions(start, end).map(({ key, range }): ItemPartition => ({ of: listed.fieldsOf(key), range })),
      compare: perKey.compare,
      ...(anyOf.reportLatestOffset && { reportLatestOffset }),
      ...(anyOf.defaultLimit && { defaultLimit: anyOf.defaultLimit }),
      commit: (end) =>
        from(Object.entries(end)).pipe(
          concatMap(([name, position]) => {
            const commit = listed.has(name) ? of(name).commit : undefined
            return commit === undefined ? EMPTY : fromCommand(() => commit(position))
          }),
        ),
    },
    all: () =>
      listed.now().pipe(
        concatMap((named) => [...named.values()]),
        concatMap((fields) =>
          fromResult('partitions', () => slicingOf(fields).all()).pipe(
            concatMap((ranges) => ranges.map((range): ItemPartition => ({ of: fields, range }))),
          ),
        ),
        toArray(),
      ),
    read: ({ of: fields, range }, signal) => slicingOf(fields).read(range, signal),
    partitionKey: ({ of: fields }) => listed.nameOf(fields),
    close: () => {
      for (const slicing of slicings.values()) slicing.close?.()
      slicings.clear()
    },
  }
}

function streamOf<Row extends object>({ stream }: AnySlicing<Row>): StreamPart<OffsetObject, unknown> {
  if (stream !== undefined) return stream
  throw new OptionError('byItems: what stands within a list needs positions: byIds, byTime or a cursor')
}
