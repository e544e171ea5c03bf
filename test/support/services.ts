import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What `npm test` started for itself ends with the run; what `npm run services` started stays. */
export default function services(): () => void {
  return () => {
    const folder = here('../../.services/')
    const states = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
    const ours = states.filter((name) => {
      const { forTest } = JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as { readonly forTest?: boolean }
      return forTest === true
    })
    if (ours.length === 0) return
    const names = ours.map((name) => name.slice(0, -'.json'.length))
    spawnSync(process.execPath, [here('../../scripts/services.mjs'), 'down', ...names], { stdio: 'inherit' })
  }
}
