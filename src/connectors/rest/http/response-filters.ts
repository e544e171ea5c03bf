import { OptionError } from '../../../errors.ts'
import { type OptionRule, oneOf, rules, validateOptions } from '../../../options.ts'

const actions = ['retry', 'ignore', 'fail', 'reset pagination', 'refresh token'] as const

/**
 * What becomes of an answer:
 *
 * - `retry`: asked again, by the retry policy.
 * - `ignore`: taken for a good answer without a body (204): an empty page and the last of its run, rows that were received.
 * - `fail`: an error, final.
 * - `reset pagination`: the pages begin again at the first one.
 * - `refresh token`: who asks is renewed, and the request is sent once more; a second time is an error.
 */
export type FilterAction = (typeof actions)[number]

/** An answer that means something else than its status says. All that is said must fit. */
export interface ResponseFilter {
  /** A status, several, or a function. @default any, the good ones too */
  readonly status?: number | readonly number[] | ((status: number) => boolean)
  /** Headers and what must be in them: a text (the whole value), a pattern, or `true` for whatever is there. */
  readonly header?: Readonly<Record<string, string | RegExp | true>>
  /**
   * A text that is in the body, a pattern, or a function of the body as text and as JSON (`undefined` where it isn't JSON, or is longer than 64 KiB).
   * Only the first 64 KiB are looked at. On answers that are good it costs time: say the status or a header where you can.
   */
  readonly body?: string | RegExp | ((text: string, json: unknown) => boolean)
  readonly action: FilterAction
}

const filterRules = {
  status: {
    expected: 'a status from 200 to 599, a list of them, or a function',
    accepts: (value) =>
      typeof value === 'function' ||
      [value].flat().every((each) => Number.isInteger(each) && Number(each) >= 200 && Number(each) <= 599),
  },
  header: {
    expected: 'an object with a text, a pattern or true for each header',
    accepts: (value) =>
      rules.object.accepts(value) &&
      Object.values(value as object).every(
        (each) => typeof each === 'string' || each instanceof RegExp || each === true,
      ),
  },
  body: {
    expected: 'a text that is not empty, a pattern or a function',
    accepts: (value) => rules.string.accepts(value) || value instanceof RegExp || typeof value === 'function',
  },
  action: { ...oneOf(...actions), required: true },
} as const satisfies Record<keyof ResponseFilter, OptionRule>

/** @throws OptionError */
export function checkFilters(owner: string, filters: readonly ResponseFilter[]): void {
  for (const [index, filter] of filters.entries()) {
    const name = `${owner}[${index}]`
    validateOptions(name, filter, filterRules)
    if (filter.status === undefined && filter.header === undefined && filter.body === undefined)
      throw new OptionError(`${name}: expected "status", "header" or "body"; without any it fits every answer`)
  }
}

/** As many bytes of a body are looked at. */
export const filteredBytes = 65_536

/** The beginning of a body. */
export interface SeenBody {
  readonly text: string
  /** Whether it is all of the body. */
  readonly whole: boolean
}

/**
 * What the first filter that fits says; `undefined` when none does.
 * @param body asked only when a filter wants to see the body and all else of it fits.
 */
export async function filterAction(
  filters: readonly ResponseFilter[],
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  body: () => Promise<SeenBody>,
): Promise<FilterAction | undefined> {
  for (const filter of filters) {
    if (!fitsStatus(filter, status) || !fitsHeaders(filter, headers)) continue
    if (filter.body === undefined || fitsBody(filter.body, await body())) return filter.action
  }
  return undefined
}

function fitsStatus({ status: wanted }: ResponseFilter, status: number): boolean {
  if (typeof wanted === 'function') return wanted(status)
  return wanted === undefined || (typeof wanted === 'number' ? wanted === status : wanted.includes(status))
}

function fitsHeaders({ header = {} }: ResponseFilter, headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(header).every(([name, wanted]) => {
    const value = headers[name.toLowerCase()]
    if (value === undefined || wanted === true) return value !== undefined
    return typeof wanted === 'string' ? value === wanted : has(value, wanted)
  })
}

function fitsBody(wanted: Exclude<ResponseFilter['body'], undefined>, { text, whole }: SeenBody): boolean {
  if (typeof wanted === 'string') return text.includes(wanted)
  return wanted instanceof RegExp ? has(text, wanted) : wanted(text, whole ? jsonOf(text) : undefined)
}

/** Also for patterns that remember where they were. */
function has(text: string, pattern: RegExp): boolean {
  return text.search(pattern) >= 0
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
