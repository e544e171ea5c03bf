import type { ChaosOutcome } from './chaos.ts'
import type { pairFaults, serverFaults } from './faults.ts'
import { sinkNames, sourceNames } from './pairs.ts'
import type { PairOutcome } from './wave.ts'

/** The columns of the long table: kinds of faults that are counted together. */
const columns = {
  killed: ['kill'],
  stopped: ['stop'],
  'second process': ['second process'],
  network: ['cut', 'stall', 'swallow', 'half-open'],
  'disk full': ['disk full'],
  'server down': ['broker killed', 'broker ended', 'database killed', 'database ended', 'HTTP down'],
} as const satisfies Readonly<Record<string, readonly ((typeof pairFaults)[number] | (typeof serverFaults)[number])[]>>

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
const grouped = (number: number): string => number.toLocaleString('en')
const faultsIn = ({ faults }: PairOutcome, kinds: readonly (keyof PairOutcome['faults'])[]): number =>
  sum(kinds.map((kind) => faults[kind] ?? 0))
const allFaults = ({ faults }: PairOutcome): number => sum(Object.values(faults))

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** A line for each pair. */
export function longTable({ pairs }: ChaosOutcome): string {
  return table(
    ['source', 'sink', 'checkpoint', 'guarantee', ...Object.keys(columns), 'rows', 'lost', 'repeated', 'counted by'],
    pairs.map((pair) => [
      pair.source,
      pair.sink,
      pair.checkpoint,
      pair.guarantee ?? '?',
      ...Object.values(columns).map((kinds) => String(faultsIn(pair, kinds))),
      grouped(pair.moved),
      String(pair.lost),
      String(pair.repeated),
      pair.countedBy,
    ]),
  )
}

/** A line for each source, a column for each sink: `rows / faults / lost / repeated`. */
export function shortTable({ pairs }: ChaosOutcome): string {
  const cell = (source: string, sink: string): string => {
    const pair = pairs.find((one) => one.source === source && one.sink === sink)
    if (pair === undefined) return ''
    const { moved, lost, repeated, guarantee } = pair
    const mark = guarantee === 'at-least-once' ? ' *' : ''
    return `${grouped(moved)} / ${allFaults(pair)} / ${lost} / ${repeated}${mark}`
  }
  return table(
    ['', ...sinkNames],
    sourceNames.map((source) => [source, ...sinkNames.map((sink) => cell(source, sink))]),
  )
}

/** What the README says of a run. */
export function summary(outcome: ChaosOutcome): string {
  const { pairs, minutes, seconds, seed, skipped } = outcome
  const once = pairs.filter(({ guarantee }) => guarantee !== 'at-least-once')
  const faults = Object.entries(columns).map(
    ([name, kinds]) => `${name} ${sum(pairs.map((pair) => faultsIn(pair, kinds)))}`,
  )
  return [
    `${pairs.length} pairs, ${minutes} minutes at most (it took ${seconds.toFixed(0)} s), seed ${seed}. Faults that pairs met: ${faults.join(', ')}.`,
    `Rows ${grouped(sum(pairs.map(({ moved }) => moved)))}, lost ${sum(pairs.map(({ lost }) => lost))}; repeated where a pair promises exactly-once or effectively-once: ${sum(once.map(({ repeated }) => repeated))}.`,
    ...skipped.map((what) => `Skipped: ${what}.`),
  ].join(' ')
}

const [begin, end] = ['<!-- chaos: written by `npm run chaos -- --write` -->', '<!-- /chaos -->']

/** Puts the table of a run between the marks. @throws Error where they are missing. */
export function writeBetween(text: string, outcome: ChaosOutcome): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`expected the marks ${begin} and ${end}`)
  const words = [
    summary(outcome),
    'A cell is rows / faults / lost / repeated; `*` is at-least-once, where repeats are allowed.',
    shortTable(outcome),
  ]
  return `${text.slice(0, from)}${begin}\n${words.join('\n\n')}\n${text.slice(to)}`
}
