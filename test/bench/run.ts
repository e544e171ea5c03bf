// npm run bench [-- words …] [-- --quick] [--compare] [--save] [--processes n] [--rounds n]
// Words choose: a case runs when all of them stand in its file's name or its own. Figures go to bench.json. --compare fails when one is worse than in baseline.json
// by more than the spread of both; --save makes them the baseline, and writes the README's table.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Kept, kept, readBaseline, regressions, saveBaseline } from './harness/baseline.ts'
import { type Figure, isKept } from './harness/figure.ts'
import { namesOf, runCase, runProgram } from './harness/processes.ts'
import { type BenchFile, suite } from './harness/suite.ts'
import { writeTable } from './harness/table.ts'
import { figureText } from './harness/text.ts'

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    compare: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    processes: { type: 'string' },
    rounds: { type: 'string' },
  },
})
const processes = Number(options.processes ?? (options.quick ? 1 : 3))
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5))

const measured: Kept[] = []
const whole = new Set<string>()
const problems: string[] = []
const skipped: string[] = []

const chosen = (...names: readonly string[]): boolean =>
  words.every((word) => names.some((name) => name.includes(word)))

function take(file: string, figures: readonly Figure[]): void {
  for (const figure of figures) {
    measured.push(kept(file, figure))
    console.log(figureText(figure))
  }
}

async function runFile({ file, kind, args = [], quickArgs = args, missing }: BenchFile): Promise<void> {
  const names = kind === 'program' ? [file] : await namesOf(file)
  const own = names.filter((name) => chosen(file, name))
  if (own.length === 0) return
  const reason = missing?.()
  if (reason !== undefined) {
    skipped.push(`${file}: ${reason}`)
    return
  }
  console.log(`\n# ${file}`)
  if (kind === 'program') take(file, await runProgram(file, options.quick ? quickArgs : args))
  else for (const name of own) take(file, await runCase(file, name, processes, rounds))
  if (own.length === names.length) whole.add(file)
}

/** After each file, so that a run that is ended early leaves what it has measured. */
function keep(figures: readonly Kept[]): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model}`
  writeFileSync(
    fileURLToPath(new URL('../../bench.json', import.meta.url)),
    `${JSON.stringify({ machine, figures: measured }, undefined, 2)}\n`,
  )
  if (!options.save || figures.length === 0) return
  const order = suite.map(({ file }) => file)
  writeTable(saveBaseline(figures, whole, order))
}

console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}; min / median / max`)
for (const file of suite) {
  const already = measured.length
  await runFile(file).catch((error: unknown) => problems.push(String(error)))
  keep(measured.slice(already))
}
if (options.compare) problems.push(...regressions(measured, readBaseline()))

const missed = measured.filter(({ median, target }) => isKept(median, target) === false)
console.log(`\n${measured.length} figures, ${missed.length} targets missed`)
for (const reason of skipped) console.log(`skipped ${reason}`)
for (const problem of problems) console.error(`FAILED ${problem}`)
if (problems.length > 0) process.exitCode = 1
