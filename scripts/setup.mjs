// Set-up before "npm start" and "npm test". Runs on any Node from 18 and needs no dependency.
// Installs the locked dependencies when they are missing or older than the lock file, and says what it does.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.sluice-setup`
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex')
const present = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''

if (present !== wanted) {
  console.log('Installing the locked dependencies (npm ci) …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts']
  const { status, error } = spawnSync(npm, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (error !== undefined || status !== 0) {
    console.error(`npm ci failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}`)
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}
