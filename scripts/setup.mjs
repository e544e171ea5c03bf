// Set-up before "npm start" and "npm test". Runs on any Node from 18 and needs no dependency.
// Installs the locked dependencies when they are missing or others than the lock file's, and says what it does.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isTooOld, tooOldMessage } from './wanted-node.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.sluice-setup`
const windows = process.platform === 'win32'
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex')
const broken = '0.0'
const present = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''

// Asked each time: an optional dependency that could not be fetched is missing without an error, and a later install may remove it.
if (present !== wanted || isTooOld(scriptsNode())) {
  console.log('Installing the locked dependencies (npm ci) …')
  rmSync(stamp, { force: true })
  install()
  const version = scriptsNode()
  if (isTooOld(version)) {
    fail(
      tooOldMessage(version === broken ? 'one that does not start' : `v${version}, as Node 24 could not be installed`),
    )
  }
  writeFileSync(stamp, wanted)
}

function install() {
  // Nothing is downloaded but what the lock file names: no package's install script runs. Settings of the user's npm that would leave
  // something out are overruled; that npm itself runs on an old Node is known.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--engine-strict=false']
  const { status, error } = spawnSync(windows ? 'npm.cmd' : 'npm', [...args, '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: windows,
  })
  if (error !== undefined || status !== 0)
    fail(`npm ci failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}`)
}

/** The version of the Node that npm scripts run on: the installed one, else the machine's. Not this process's: `npm ci` may just have removed it. */
function scriptsNode() {
  const installed = `${root}node_modules/.bin/${windows ? 'node.cmd' : 'node'}`
  const command = existsSync(installed) ? installed : 'node'
  // It must also start: a package for another C library installs, and doesn't run.
  const { stdout, status } = spawnSync(command, ['-p', 'process.versions.node'], { encoding: 'utf8', shell: windows })
  return status === 0 ? stdout.trim() : broken
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
