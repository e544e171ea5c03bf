import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What is noted down of a service. */
export interface State {
  readonly forTest?: boolean
  /** The process of the npm script that started it. */
  readonly run?: number
}

/** Whether the npm script that this process belongs to has started it. */
export function isOfThisRun({ forTest, run }: State): boolean {
  return forTest === true && (run === process.ppid || run === process.pid) // a shell may become what it starts last
}

/** What `npm test` started for itself ends with the run; what `npm run services` or another run started stays. */
export default function services(): () => void {
  return () => {
    const folder = here('../../.services/')
    const states = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
    const ours = states.filter((name) => {
      return isOfThisRun(JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as State)
    })
    if (ours.length === 0) return
    const names = ours.map((name) => name.slice(0, -'.json'.length))
    spawnSync(process.execPath, [here('../../scripts/services.mjs'), 'down', ...names], { stdio: 'inherit' })
  }
}
