// Programs of Debian's packages that tests run: found, or installed when root. They are started by the tests themselves, on loopback.
//   node scripts/services/programs.mjs prometheus chromium
// PROMETHEUS, PROMTOOL and CHROMIUM name others. With SLUICE_SERVICES=skip nothing is installed.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = { prometheus: 'prometheus', promtool: 'prometheus', chromium: 'chromium' }

/**
 * The path of a program; installs its package when it is missing and this is root on Debian.
 * @param {'prometheus' | 'promtool' | 'chromium'} name
 * @throws an Error that says what to do
 */
export function program(name) {
  const variable = name.toUpperCase()
  const given = process.env[variable]
  if (given !== undefined && given !== '') {
    if (isProgram(given)) return given
    throw new Error(`${variable} names ${given}, and that is no program`)
  }
  const found = onPath(name)
  if (found !== undefined) return found
  const problem = install(packages[name])
  const installed = onPath(name)
  if (installed !== undefined) return installed
  throw new Error(
    `There is no ${name} here: ${problem ?? `the package ${packages[name]} came without it`}. Install it, or set ${variable} to its path. "npm run test:unit" needs none.`,
  )
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Debian's package, without starting the machine-wide service that it may contain. @returns what went wrong */
function install(name) {
  if (process.env.SLUICE_SERVICES === 'skip') return 'SLUICE_SERVICES=skip says to install nothing'
  if (process.platform !== 'linux' || spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0)
    return `there is no apt-get to install the package ${name} with`
  if (process.getuid() !== 0)
    return `the package ${name} is not installed, and installing it takes root ("sudo apt-get install ${name}")`
  console.log(`Installing the package ${name} …`)
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 }) // "start no service"
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (...args) =>
      spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-qq', ...args], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      }).status === 0
    const get = () => apt('install', '--yes', '--no-install-recommends', name)
    return get() || (apt('update') && get()) ? undefined : `apt-get could not install ${name} (see above)`
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const name of process.argv.slice(2)) console.log(`${name}: ${program(name)}`)
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
