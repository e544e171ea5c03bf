import { OptionError, PortError } from '../../../errors.ts'
import { type SequenceOffset, sequenceOffset } from '../../../offsets/sequence.ts'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../../../options.ts'
import { byIdRange, type Cut, cutRule, type Range } from '../../../partition.ts'
import { abortable } from './abortable.ts'
import { opaque, type Partitioning, refuseCursor } from './partitioning.ts'
import { placedRange, type RangePlacing, rangePlacingRule } from './placing.ts'
import { answerTo, type Question, questionRule } from './question.ts'
import { rowsInRange } from './range-guard.ts'
import { type Extract, rowsOf, type Slicing } from './slicing.ts'

/** Options of {@link byIds}. */
export interface IdOptions<Column extends string> {
  /** Where the API takes the first id and the one after the last. Without `to` it must sort by id, and `field` tells where to stop. */
  readonly params: RangePlacing<number | string>
  /** How the API reads the first one. @default 'inclusive' */
  readonly start?: 'inclusive' | 'exclusive'
  /** How the API reads the other one. @default 'exclusive' */
  readonly end?: 'inclusive' | 'exclusive'
  /** The least id, at least 0: lesser ones are never asked for. @default 0 */
  readonly min?: number | Question
  /** The greatest id there is, which is read, too. No id, null or -1 where there are no rows; any other negative one is an error. */
  readonly max: Question
  /** How a batch is cut. Gaps do no harm: a slice has as many rows as it has. @default 8 slices */
  readonly cut?: Cut
  /** The column of the id. With it a row outside of its slice is an error: the API doesn't know the parameters, or means something else by them. */
  readonly field?: Column
}

/** Ids `[from, to)`; texts of digits where they may be beyond 2^53. */
export type IdPartition = Range<number | string>

const inOrOut = oneOf('inclusive', 'exclusive')
const idRules = {
  params: required(rangePlacingRule),
  start: inOrOut,
  end: inOrOut,
  min: {
    expected: 'an integer from 0, or a question to the API such as { value: "min_id" }',
    accepts: (value) => rules.nonNegativeInteger.accepts(value) || questionRule.accepts(value),
  },
  max: required(questionRule),
  cut: cutRule,
  field: rules.string,
} as const satisfies Record<keyof IdOptions<string>, OptionRule>

/**
 * Cuts a source by ranges of ids: integers from 0. Each slice is asked for by itself, over as many pages as it has.
 *
 * In a stream the offset counts ids, as a batch's limit does: a batch ends at the greatest id that exists then, or at `maxRows` ids. **Hazard**: a row whose id appears after a greater
 * one was read is never read. Ids beyond 2^53 are for batches only.
 * **Hazard**: of ids with wide gaps many batches are empty; there a `cursor` by the id goes from one row to the next, or a greater `maxRows` over the gaps.
 *
 * ```ts
 * rest({ url, schema, partitions: byIds({ params: { from: 'id_gte', to: 'id_lt' }, max: { url: `${url}/stats`, value: 'max_id' } }) })
 * ```
 * @throws OptionError
 */
export function byIds<const Column extends string = never>(
  options: IdOptions<Column>,
): Partitioning<NoInfer<Column>, true> {
  const owner = 'byIds'
  validateOptions(owner, options, idRules)
  const { params, field } = options
  if (typeof params === 'object' && params.to === undefined && field === undefined)
    throw new OptionError(`${owner}: without a parameter for the end option "field" is needed, to know where it is`)
  return {
    slice: (extract, cursor) => {
      refuseCursor(owner, cursor)
      return opaque(idSlicing(owner, extract, options))
    },
  }
}

function idSlicing<Row extends object>(
  owner: string,
  extract: Extract<Row>,
  options: IdOptions<string>,
): Slicing<SequenceOffset, IdPartition, Row> {
  const { params, start = 'inclusive', end = 'exclusive', min = 0, max, cut = 8, field } = options
  const openEnded = typeof params === 'object' && params.to === undefined
  const guard = rowsInRange(owner, extract, field, { sortedAndOpen: openEnded })
  const least = async (signal: AbortSignal): Promise<number | bigint> =>
    typeof min === 'number' ? min : (idOf('min', await answerTo(extract, min, signal)) ?? 0)
  const afterGreatest = async (signal: AbortSignal): Promise<number | bigint | undefined> => {
    const greatest = idOf('max', await answerTo(extract, max, signal))
    return greatest === undefined ? undefined : plus(greatest, 1)
  }
  const safe = (id: number | bigint): number => {
    if (typeof id === 'number') return id
    throw new PortError(`${owner}: id ${id} is beyond 2^53, and a stream's offset counts ids; read it as a batch`)
  }
  const positions = sequenceOffset({
    head: () => abortable(async (signal) => safe((await afterGreatest(signal)) ?? 0)),
    cut,
  })
  return {
    stream: {
      ...positions,
      initialOffset: () => abortable(async (signal) => ({ offset: safe(await least(signal)) })),
      defaultLimit: { maxRows: 100_000 },
    },
    all: () =>
      abortable(async (signal) => {
        const [from, to] = [await least(signal), await afterGreatest(signal)]
        if (to === undefined || from >= to) return []
        return typeof from === 'number' && typeof to === 'number'
          ? byIdRange(from, to, cut)
          : byIdRange(BigInt(from), BigInt(to), cut)
      }),
    read: (slice, signal) => {
      const [from, to] = [idIn(slice.from), idIn(slice.to)]
      const asked = {
        from: inRequest(start === 'inclusive' ? from : plus(from, -1)),
        to: inRequest(end === 'exclusive' ? to : plus(to, -1)),
      }
      return guard(rowsOf(extract, placedRange(extract.request, params, asked), signal), { from, to })
    },
  }

  function idOf(option: string, answer: unknown): number | bigint | undefined {
    if (answer === undefined || answer === null) return undefined
    const id = typeof answer === 'string' && /^-?\d+$/.test(answer) ? idIn(answer) : answer
    if (option === 'max' && id === -1) return undefined
    if ((typeof id === 'bigint' && id >= 0n) || rules.nonNegativeInteger.accepts(id)) return id as number | bigint
    throw new PortError(
      `${owner}: option "${option}" must lead to an id, an integer from 0, and it led to ${String(answer)}`,
    )
  }
}

function idIn(id: number | string): number | bigint {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : BigInt(id)
}

function plus(id: number | bigint, by: 1 | -1): number | bigint {
  return typeof id === 'bigint' || !Number.isSafeInteger(id + by) ? BigInt(id) + BigInt(by) : id + by
}

function inRequest(id: number | bigint): number | string {
  return typeof id === 'bigint' ? `${id}` : id
}
