import { concatMap, from, map, type Observable, of, tap, toArray } from 'rxjs'
import { nodeZlib } from '../builtins.ts'
import { mergeBounded } from '../merge-bounded.ts'
import { canonicalOffset, sameOffset } from '../offset.ts'
import { type OptionRule, required, rules, validateOptions } from '../options.ts'
import { fromResult, type Result } from '../result.ts'
import { type ReadLimit, readAllAvailable } from '../source.ts'
import { fairShares } from './fair-shares.ts'
import { ask, type Positions } from './positions.ts'

/** A position for each key (a station, a table, a shard). */
export type PerKeyOffset<Offset extends object> = { readonly [key: string]: Offset }

/** A partition of one key's range. */
export type KeyedPartition<Partition> = { readonly key: string; readonly range: Partition }

/** Options of {@link perKeyOffset}. */
export interface PerKeyOptions<Offset extends object, Partition> {
  /** The keys, or what asks for them; asked again for each batch. */
  readonly keys: readonly string[] | (() => Result<readonly string[]>)
  /** The positions of one key; the functions that ask the source get the key: `sequenceOffset({ head: (key: string) => count(key) })`. */
  readonly inner: Positions<Offset, Partition, [key: string]>
  /** How many keys are asked at a time. @default 8 */
  readonly concurrency?: number
}

const keysRule: OptionRule = {
  expected: 'a list of different texts, or a function that answers with one',
  accepts: (value) => typeof value === 'function' || (Array.isArray(value) && sortedKeys(value) !== undefined),
}

/**
 * A position for each of several keys: `{ [key]: offset }`.
 *
 * A key that appears later joins with its own initial offset, which the batch that finds it only writes down; its rows come with the next one.
 * A key that disappears keeps its position, and goes on from there should it come back.
 * A limit is shared over the keys that have something: evenly, and what one doesn't need goes to the others (rows; with `distance`).
 * A limit smaller than the number of keys leaves some out, others each time.
 * @returns partitions `{ key, range }`, none for a key with nothing new.
 * @throws OptionError
 */
export function perKeyOffset<Offset extends object, Partition>(options: PerKeyOptions<Offset, Partition>) {
  type Keyed = PerKeyOffset<Offset>
  validateOptions('perKeyOffset', options, {
    keys: required(keysRule),
    inner: required(rules.object),
    concurrency: rules.positiveInteger,
  })
  const { keys, inner, concurrency = 8 } = options
  const { distance, reportLatestOffset } = inner

  // A key that has disappeared can't go on, so nothing waits for it: else `availableNow` would never reach a target that has it.
  let present: ReadonlySet<string> | undefined
  const presentIn = (offset: Keyed): Keyed =>
    Object.fromEntries(Object.entries(offset).filter(([key]) => present?.has(key) ?? true))
  const currentKeys = (): Observable<readonly string[]> =>
    ask(
      'keys of perKeyOffset',
      () => (typeof keys === 'function' ? keys() : keys),
      'a list of different texts',
      sortedKeys,
    ).pipe(
      tap((names) => {
        present = new Set(names)
      }),
    )
  const forEachKey = <T>(names: readonly string[], call: (key: string) => Observable<T>): Observable<PerKey<T>> =>
    from(names).pipe(
      mergeBounded((key) => call(key).pipe(map((value) => [key, value] as const)), concurrency),
      toArray(),
      map((entries) => Object.fromEntries(entries)),
    )
  const initialOf = (key: string) => fromResult('initialOffset', () => inner.initialOffset(key))
  const endOf = (key: string, start: Offset, limit: ReadLimit) =>
    fromResult('latestOffset', () => inner.latestOffset(start, limit, key))

  const headOf = (key: string): Observable<Offset> =>
    reportLatestOffset === undefined
      ? initialOf(key).pipe(concatMap((initial) => endOf(key, initial, readAllAvailable)))
      : fromResult('reportLatestOffset', () => reportLatestOffset(key))

  /** How many rows lie between, as far as that is known; at least one where the positions differ. */
  const wanted = (key: string, start: Offset, end: Offset): Observable<number> => {
    if (sameOffset(start, end)) return of(0)
    if (distance === undefined) return of(Infinity)
    const atLeastOne = (rows: number) => (Number.isNaN(rows) ? undefined : Math.max(1, Math.ceil(rows)))
    return ask('distance of perKeyOffset', () => distance(start, end, key), 'a number', atLeastOne)
  }

  const latestOffset = (start: Keyed, limit: ReadLimit): Observable<Keyed> => {
    const reach = (key: string): Observable<Reach<Offset>> => {
      const position = at(start, key)
      if (position === undefined) return initialOf(key).pipe(map((end) => ({ start: end, end, wants: 0 })))
      return endOf(key, position, limit).pipe(
        concatMap((end) => wanted(key, position, end).pipe(map((wants) => ({ start: position, end, wants })))),
      )
    }
    const within = (reached: PerKey<Reach<Offset>>): Observable<Keyed> => {
      const share = shareLimit(limit, reached, nodeZlib().crc32(canonicalOffset(start, 'start')))
      return forEachKey(Object.keys(reached), (key) => {
        const { start: position, end, wants } = reached[key] as Reach<Offset>
        const part = share(key)
        if (wants === 0 || covers(part, limit, wants)) return of(end)
        return isNothing(part) ? of(position) : endOf(key, position, part)
      })
    }
    return currentKeys().pipe(
      concatMap((names) => forEachKey(names, reach)),
      concatMap(within),
      map((ends) => ({ ...start, ...ends })),
    )
  }

  const distances =
    distance &&
    ((start: Keyed, end: Keyed): Observable<PerKey<number>> =>
      forEachKey(Object.keys(end), (key) => {
        const first = at(start, key)
        const known = first === undefined ? initialOf(key) : of(first)
        return known.pipe(
          concatMap((position) => fromResult('distance', () => distance(position, end[key] as Offset, key))),
        )
      }))

  return {
    initialOffset: () => currentKeys().pipe(concatMap((names) => forEachKey(names, initialOf))),
    latestOffset,
    partitions: (start, end) =>
      sorted(Object.keys(end)).flatMap((key) => {
        const [first, next] = [at(start, key), at(end, key)]
        if (first === undefined || next === undefined || sameOffset(first, next)) return []
        return inner.partitions(first, next).map((range): KeyedPartition<Partition> => ({ key, range }))
      }),
    partitionKey: ({ key }: KeyedPartition<Partition>) => key,
    compare: (a, b) => comparePerKey(a, presentIn(b), inner.compare),
    ...(distances && {
      distance: (start: Keyed, end: Keyed) =>
        distances(start, end).pipe(map((byKey) => Object.values(byKey).reduce((sum, rows) => sum + rows, 0))),
      distances,
    }),
    // Of each key its own head, also of a key that no offset knows yet: `latestOffset` would answer for that with where it begins.
    reportLatestOffset: () => currentKeys().pipe(concatMap((names) => forEachKey(names, headOf))),
  } satisfies Positions<Keyed, KeyedPartition<Partition>> & Record<string, unknown>
}

type PerKey<T> = { readonly [key: string]: T }

/** How far a key could go if it had the whole limit to itself. */
interface Reach<Offset> {
  readonly start: Offset
  readonly end: Offset
  readonly wants: number
}

function shareLimit(limit: ReadLimit, reached: PerKey<Reach<unknown>>, turn: number): (key: string) => ReadLimit {
  const hungry = sorted(Object.keys(reached)).filter((key) => reached[key]?.wants !== 0)
  const wants = hungry.map((key) => reached[key]?.wants ?? 0)
  const rows = fairShares(limit.maxRows, wants, turn)
  const unknown = hungry.map(() => Infinity)
  const bytes = fairShares(limit.maxBytes, unknown, turn)
  const files = fairShares(limit.maxFiles, unknown, turn)
  const parts = new Map(
    hungry.map((key, index) => [
      key,
      { maxRows: rows[index] ?? 0, maxBytes: bytes[index] ?? 0, maxFiles: files[index] ?? 0 },
    ]),
  )
  return (key) => parts.get(key) ?? { maxRows: 0, maxBytes: 0, maxFiles: 0 }
}

/** Whether asking again with this part of the limit would give the same answer. */
function covers(part: ReadLimit, limit: ReadLimit, wants: number): boolean {
  const rowsSuffice = part.maxRows === limit.maxRows || part.maxRows >= wants
  return rowsSuffice && part.maxBytes === limit.maxBytes && part.maxFiles === limit.maxFiles
}

function isNothing(part: ReadLimit): boolean {
  return part.maxRows === 0 || part.maxBytes === 0 || part.maxFiles === 0
}

/** Negative as soon as one key lacks something: going back in one is going back. */
function comparePerKey<Offset extends object>(
  a: PerKeyOffset<Offset>,
  b: PerKeyOffset<Offset>,
  compare: (a: Offset, b: Offset) => number,
): number {
  let further = Object.keys(a).length - Object.keys(b).length
  for (const [key, right] of Object.entries(b)) {
    const left = at(a, key)
    if (left === undefined) return -1
    const order = compare(left, right)
    if (order < 0) return -1
    further += order
  }
  return further
}

function at<T>(offset: PerKey<T>, key: string): T | undefined {
  return Object.hasOwn(offset, key) ? offset[key] : undefined
}

function sortedKeys(keys: readonly unknown[]): readonly string[] | undefined {
  if (!Array.isArray(keys) || !keys.every((key): key is string => typeof key === 'string' && key !== ''))
    return undefined
  return new Set(keys).size === keys.length ? sorted(keys) : undefined
}

function sorted(keys: readonly string[]): readonly string[] {
  return [...keys].sort()
}
