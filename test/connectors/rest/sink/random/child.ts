import { lastValueFrom } from 'rxjs'
import { queryOf, scenarioOf } from './scenario.ts'

/** A process that runs the query of a scenario to its end, if it is let. */
const [seed = '', url = '', checkpoint = '', refused = ''] = process.argv.slice(2)
try {
  await lastValueFrom(queryOf(scenarioOf(Number(seed)), { url, checkpoint, refused }), { defaultValue: undefined })
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 3
}
