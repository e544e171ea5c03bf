import { parseArgs } from 'node:util'
import { Bench } from 'tinybench'
import { type Figure, report, type Size, type Target } from './figure.ts'
import { figureText } from './text.ts'

/** How a pair of times is judged: by the ratio of the speeds, by that of the times, or by what each of `count` things in a run took. */
export type Judgement =
  | { readonly as: 'of its speed'; readonly atLeast?: number }
  | { readonly as: 'of its time'; readonly atMost?: number }
  | { readonly as: 'µs' | 'ms'; readonly each: number; readonly atMost?: number }

interface Named {
  readonly name: string
  readonly size?: Size
  /** Whose versions belong to the figure. @default rxjs */
  readonly packages?: readonly string[]
  /** Before anything is timed. */
  readonly setUp?: () => Promise<void>
}

/** Ours and a rival, in turns. */
export interface Comparison extends Named {
  readonly against: string
  readonly run: () => Promise<unknown>
  readonly rival: () => Promise<unknown>
  readonly judged: readonly Judgement[]
  /** The processor's time says more than the clock on the wall where nothing is waited for and others use the machine, too. @default 'wall' */
  readonly clock?: 'wall' | 'processor'
}

/** What can't be put beside anything: each round gives a value for each of the figures. */
export interface Sampling extends Named {
  readonly sample: () => Promise<Readonly<Record<string, number>>>
  readonly figures: Readonly<Record<string, { readonly unit: Figure['unit'] } & Target>>
}

export type Case = Comparison | Sampling

const processorNow = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/**
 * A file of cases. By itself it runs those whose name has all the words given, in turn; `npm run bench` runs each in processes of its own,
 * since the code that one case made general is slower in the next.
 */
export async function bench(cases: readonly Case[]): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '5' }, case: { type: 'string' }, list: { type: 'boolean' } },
  })
  if (values.list === true) {
    process.send?.(cases.map(({ name }) => name))
    return
  }
  const chosen = cases.filter(({ name }) =>
    values.case === undefined ? positionals.every((word) => name.includes(word)) : name === values.case,
  )
  if (chosen.length === 0) throw new Error(`no such case; there are: ${cases.map(({ name }) => name).join(', ')}`)
  for (const one of chosen) {
    await one.setUp?.()
    const rounds = Number(values.rounds)
    const figures = 'run' in one ? await compare(one, rounds) : await sample(one, rounds)
    for (const figure of figures) {
      const whole = report(figure, one.packages)
      if (process.send === undefined) console.log(figureText(whole))
    }
  }
}

/**
 * A B A B …: tinybench times a turn, and takes only one task after the other by itself, so that a mood of the machine would fall on one side.
 * A round before the first one warms up. What the turn before has left young is collected before each; not what is old: a full collection throws compiled code away
 * whose objects it finds no more, and the next turn would measure the compiler.
 */
async function compare(one: Comparison, rounds: number): Promise<Omit<Figure, 'versions'>[]> {
  const beforeEach = (): void => void globalThis.gc?.({ type: 'minor' })
  const once = { iterations: 1, time: 0, warmup: false, throws: true }
  const turns = new Bench({ ...once, ...(one.clock === 'processor' ? { now: processorNow } : {}) })
  turns.add('ours', one.run, { async: true, beforeEach })
  turns.add('theirs', one.rival, { async: true, beforeEach })
  const took: Record<string, number[]> = { ours: [], theirs: [] }
  for (let round = -1; round < rounds; round++) {
    for (const turn of turns.tasks) {
      turn.reset()
      await turn.run()
      const { result } = turn
      if (result.state !== 'completed') throw new Error(`${one.name}: ${turn.name} ${result.state}`)
      if (round >= 0) took[turn.name]?.push(result.latency.mean)
    }
  }
  const { ours = [], theirs = [] } = took
  const { clock = 'wall' } = one
  return one.judged.map((judged) => ({
    ...one.size,
    name: one.name,
    against: one.against,
    unit: judged.as,
    target: targetOf(judged),
    clock,
    values: ours.map((our, round) => judge(our, theirs[round] as number, judged)),
    took: { ours, theirs },
  }))
}

function targetOf(judged: Judgement): Target {
  return 'atLeast' in judged ? { atLeast: judged.atLeast } : 'atMost' in judged ? { atMost: judged.atMost } : {}
}

function judge(ours: number, theirs: number, judged: Judgement): number {
  switch (judged.as) {
    case 'of its speed':
      return theirs / ours
    case 'of its time':
      return ours / theirs
    case 'ms':
      return ours / judged.each
    case 'µs':
      return (ours / judged.each) * 1_000
  }
}

async function sample(one: Sampling, rounds: number): Promise<Omit<Figure, 'versions'>[]> {
  const values: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++) {
    for (const [key, value] of Object.entries(await one.sample())) {
      values[key] ??= []
      values[key].push(value)
    }
  }
  return Object.entries(one.figures).map(([key, { unit, ...target }]) => ({
    ...one.size,
    name: `${one.name}, ${key}`,
    unit,
    target,
    values: values[key] ?? [],
  }))
}
