import { map, Observable, type OperatorFunction } from 'rxjs'
import { nodeCrypto } from './builtins.ts'
import { currentPartition } from './partition-scope.ts'
import { type RowStep, rowOperator, rowStepOf } from './row-operator.ts'
import { madeOfText } from './schema/made-of-text.ts'
import { subscribeWithin } from './subscribe-within.ts'

type Chunk = readonly object[]
type Operator = OperatorFunction<Chunk, Chunk>
/** What becomes of a chunk; tells how many rows were filtered out of it. */
type Pass = (rows: Chunk, filtered: ((rows: number) => void) | undefined) => Chunk

interface Fused {
  readonly of: readonly Operator[]
  readonly operators: readonly Operator[]
}

const known = new WeakMap<Operator, Fused>()
/** Of one pass: they are nested in its code. */
const mostSteps = 100

/**
 * The same chain with one operator in place of neighbours that each look at one row at a time: one pass over a chunk, without the lists in between.
 * It does to each row what they did. A row goes through all of them before the next one does; so of two functions that throw in one chunk, the one that meets its row first fails it,
 * and functions that share a state see it in another order.
 *
 * The pass is code of its own for each combination of functions. A loop that every query shares calls functions that the runtime can't foresee: with some queries in a process
 * that took more than twice the time (18 ns a row in place of 7, by a function that makes an object and one that compares a number).
 *
 * @returns the operators as they are, where the process may not make code from texts (`--disallow-code-generation-from-strings`).
 */
export function fuseRows(operators: readonly Operator[]): readonly Operator[] {
  const [first] = operators
  if (first === undefined) return operators
  // Once for a query, not for each of its partitions.
  const before = known.get(first)
  if (before !== undefined && isSame(before.of, operators)) return before.operators
  const fused = neighbours(operators).flatMap(({ of, steps }) => (steps.length === 0 ? of : (fuse(steps) ?? of)))
  known.set(first, { of: [...operators], operators: fused })
  return fused
}

function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at])
}

/** Runs of operators that have a step, and each of the others by itself. */
function neighbours(operators: readonly Operator[]): readonly { readonly of: Operator[]; readonly steps: RowStep[] }[] {
  const runs: { of: Operator[]; steps: RowStep[] }[] = []
  for (const operator of operators) {
    const step = rowStepOf(operator)
    const last = runs.at(-1)
    // What isn't a function fails as it did, when it is called.
    if (step === undefined || typeof step.apply !== 'function') runs.push({ of: [operator], steps: [] })
    else if (last === undefined || last.steps.length === 0 || last.steps.length === mostSteps)
      runs.push({ of: [operator], steps: [step] })
    else {
      last.of.push(operator)
      last.steps.push(step)
    }
  }
  return runs
}

function fuse(steps: readonly RowStep[]): Operator | undefined {
  const pass = madeOfText<Pass>(codeOf(steps), new Map(steps.map(({ kind, apply }, at) => [nameOf(kind, at), apply])))
  if (pass === undefined) return undefined
  if (steps.every(({ kind }) => kind === 'map')) return rowOperator(map((rows) => pass(rows, undefined)))
  return rowOperator((source: Observable<Chunk>) => {
    const applied = currentPartition() // what stands before it may put off the subscription
    return new Observable((subscriber) => {
      const filtered = (applied ?? currentPartition())?.filtered
      subscribeWithin(subscriber, source, {
        next: (rows) => {
          const kept = pass(rows, filtered)
          if (kept.length > 0) subscriber.next(kept)
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      })
    })
  })
}

/** The text differs where the functions' own text does, since what the runtime has learned of a text is kept with it. */
function codeOf(steps: readonly RowStep[]): string {
  const spreads = steps.some(({ kind }) => kind === 'spread')
  const keep = (row: string): string => (spreads ? `out.push(${row})` : `out[count++] = ${row}`)
  const texts = steps.map(({ apply }) => Function.prototype.toString.call(apply))
  // A list that grows row by row is copied again and again: where its size has a bound it is made at once.
  return `return (rows, filtered) => {
    const out = ${spreads ? '[]' : 'new Array(rows.length)'}
    let count = 0
    let dropped = 0
    for (let i = 0; i < rows.length; i++) {
      const row0 = rows[i]
      ${nested(steps, keep)}
    }
    ${spreads ? '' : 'out.length = count'}
    if (filtered !== undefined && dropped > 0) filtered(dropped)
    return out
  } // ${nodeCrypto().hash('sha256', JSON.stringify(texts))}`
}

function nested(steps: readonly RowStep[], keep: (row: string) => string, at = 0): string {
  const step = steps[at]
  if (step === undefined) return keep(`row${at}`)
  const [called, next] = [`${nameOf(step.kind, at)}(row${at})`, `row${at + 1}`]
  const rest = nested(steps, keep, at + 1)
  if (step.kind === 'map') return `const ${next} = ${called}; ${rest}`
  if (step.kind === 'spread') return `for (const ${next} of ${called}) { ${rest} }`
  return `if (${called}) { const ${next} = row${at}; ${rest} } else dropped++`
}

/** As errors name it. */
function nameOf(kind: RowStep['kind'], at: number): string {
  return `${kind === 'filter' ? 'predicate' : 'project'}${at}`
}
