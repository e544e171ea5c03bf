import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What `npm test` started for itself ends with the run; what `npm run services` started stays. */
export default function services(): () => void {
  return () => {
    const stateFile = here('../../.services/rabbitmq.json')
    if (!existsSync(stateFile)) return
    const { forTest } = JSON.parse(readFileSync(stateFile, 'utf8')) as { readonly forTest?: boolean }
    if (forTest !== true) return
    spawnSync(process.execPath, [here('../../scripts/services.mjs'), 'down'], { stdio: 'inherit' })
  }
}
