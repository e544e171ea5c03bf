// node test/bench/agree.ts one.json two.json … : whether whole runs of the bench, each kept by copying its bench.json, agree within the spread that each of them states.
import { readFileSync } from 'node:fs'
import { agreement } from './harness/agreement.ts'
import type { Kept } from './harness/baseline.ts'

const paths = process.argv.slice(2)
if (paths.length < 2) throw new Error('name two runs or more')
const runs = paths.map((path) => (JSON.parse(readFileSync(path, 'utf8')) as { readonly figures: Kept[] }).figures)
const { figures, apart } = agreement(runs)
for (const one of apart) console.log(one)
console.log(
  `${figures - apart.length} of ${figures} figures agree: each run's median lies between the least and the greatest round of the others`,
)
