import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { brokenPromises, runChaos, schedulesOfBroken } from './chaos.ts'
import { waves } from './pairs.ts'
import { longTable, summary, writeBetween } from './report.ts'
import { missingServers } from './servers.ts'

/** `npm run chaos -- --minutes 10 --seed 1 --write`: breaks every pair of source and sink, and counts. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Only pairs whose `source → sink` has this in it. */
    only: { type: 'string', default: '' },
    /** Writes the table into README.md. */
    write: { type: 'boolean', default: false },
  },
})
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isSafeInteger(seed))
  throw new Error('expected --minutes above 0 and a whole number as --seed')
const missing = missingServers()
if (missing !== undefined)
  throw new Error(
    `${missing}: the servers are killed, so they have to be the run’s own; “npm run services” installs the packages`,
  )

const chosen = waves
  .map((wave) => wave.filter(({ source, sink }) => `${source} → ${sink}`.includes(values.only)))
  .filter((wave) => wave.length > 0)
console.log(`seed ${seed}, ${minutes} minutes`)
const begun = Date.now()
const log = (line: string): void => console.log(`${((Date.now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${line}`)
const ending = new AbortController()
// Servers and mounts outlive whoever doesn't end them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort())
const outcome = await runChaos({ waves: chosen, minutes, seed, signal: ending.signal, log })
if (ending.signal.aborted) {
  console.error('ended early: nothing was proved')
  process.exit(1)
}
console.log(`\n${longTable(outcome)}\n\n${summary(outcome)}`)
const failures = outcome.pairs.flatMap(({ source, sink, failures }) =>
  failures.map((text) => `${source} → ${sink}: ${text}`),
)
if (failures.length > 0)
  console.log(`\nProcesses that ended by themselves, and were begun again:\n${failures.join('\n')}`)
const broken = brokenPromises(outcome)
if (broken.length > 0) {
  console.error(`\n${broken.join('\n')}\n\nseed ${seed}; what befell them:\n${schedulesOfBroken(outcome).join('\n')}`)
  process.exitCode = 1
} else if (values.write) {
  const readme = new URL('../../README.md', import.meta.url)
  writeFileSync(readme, writeBetween(readFileSync(readme, 'utf8'), outcome))
}

// Everything was closed; nothing that is left over shall keep the process.
process.exit()
