// node test/bench/agree.ts [--save] one.json two.json … : whether whole runs of the bench, each kept by copying its bench.json, agree within the spread that each of them states.
// --save makes what they come to together the baseline, and writes the README's table.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { agreement, pooled } from './harness/agreement.ts'
import { type Kept, saveBaseline } from './harness/baseline.ts'
import { suite } from './harness/suite.ts'
import { writeTable } from './harness/table.ts'

const { values, positionals: paths } = parseArgs({
  allowPositionals: true,
  options: { save: { type: 'boolean', default: false } },
})
if (paths.length < 2) throw new Error('name two runs or more')
const runs = paths.map((path) => (JSON.parse(readFileSync(path, 'utf8')) as { readonly figures: Kept[] }).figures)
const { figures, apart, asunder } = agreement(runs)
for (const one of apart) console.log(one)
console.log(`${figures - asunder.length} of ${figures} figures: the rounds of each two runs overlap, least to greatest`)
console.log(
  `${figures - apart.length} of ${figures}: each run's median lies between the least and the greatest round of the others`,
)
if (values.save) {
  const files = new Set(runs.flat().map(({ file }) => file))
  const order = suite.map(({ file }) => file)
  writeTable(saveBaseline(pooled(runs), files, order))
}
