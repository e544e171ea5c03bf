/**
 * What befalls an effect of a process (a call of a port, a log record):
 * - `crash`: it takes effect, and the process dies before the answer;
 * - `fail`: it has no effect, and fails;
 * - `landed`: it takes effect, and fails all the same, as when the answer is lost;
 * - `hang`: it doesn't answer. The query is stopped; then it takes effect and answers, too late;
 * - `slow`: it takes effect and answers when nothing else moves any more;
 * - `pause`: it takes effect, and the process stands still. Another one takes the lease and runs to its end; then the first one goes on.
 */
export type FaultKind = 'crash' | 'fail' | 'landed' | 'hang' | 'slow' | 'pause'

/** All of them. */
export const faultKinds = ['crash', 'fail', 'landed', 'hang', 'slow', 'pause'] as const satisfies readonly FaultKind[]

/** A fault, and which effect it befalls; `wake`: processes that stand still go on after it. */
export interface ScheduledFault {
  readonly kind: FaultKind | 'wake'
  /** Counted from 1 over all processes. */
  readonly at: number
}

/** Faults as they stand at the end of a schedule's id: `12+fail14`, where a bare number is a crash. */
export function faultsText(faults: readonly ScheduledFault[]): string {
  return faults.length === 0 ? 'none' : faults.map(({ kind, at }) => (kind === 'crash' ? at : `${kind}${at}`)).join('+')
}

/** The reverse of {@link faultsText}; `undefined` for any other text. */
export function parseFaults(text: string): readonly ScheduledFault[] | undefined {
  if (text === 'none') return []
  const faults: ScheduledFault[] = []
  for (const part of text.split('+')) {
    const [, word = '', at] = /^([a-z]*)(\d{1,9})$/.exec(part) ?? []
    const kind = word === '' ? 'crash' : ([...faultKinds, 'wake'] as const).find((known) => known === word)
    if (kind === undefined || at === undefined) return undefined
    faults.push({ kind, at: Number(at) })
  }
  return faults
}

/**
 * All schedules of up to `count` faults. Gives one after the other; wants to be told how many effects each one had.
 * A run with one fault more goes the same way up to that fault, so its parent's effects are all there is to try.
 */
export function* schedulesOf(
  kinds: readonly FaultKind[],
  count: number,
  from: readonly ScheduledFault[] = [],
): Generator<readonly ScheduledFault[], void, number> {
  const effects = yield from
  if (from.length >= count) return
  const further = from.some(({ kind }) => kind === 'pause') ? ([...kinds, 'wake'] as const) : kinds
  for (let at = (from.at(-1)?.at ?? 0) + 1; at <= effects; at++) {
    for (const kind of further) yield* schedulesOf(kinds, count, [...from, { kind, at }])
  }
}

/** Schedules with these kinds of faults, in this order, at all effects. To be told the effects of each, like {@link schedulesOf}. */
export function* placements(
  kinds: readonly ScheduledFault['kind'][],
  from: readonly ScheduledFault[] = [],
): Generator<readonly ScheduledFault[], void, number> {
  const effects = yield from
  const [kind, ...rest] = kinds
  if (kind === undefined) return
  for (let at = (from.at(-1)?.at ?? 0) + 1; at <= effects; at++) yield* placements(rest, [...from, { kind, at }])
}
