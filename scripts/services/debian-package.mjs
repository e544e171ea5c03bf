import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Installs a package of Debian's, without starting the machine-wide service that it may contain.
 * @param {string} name
 * @returns what went wrong, or undefined
 */
export function installPackage(name) {
  if (process.env.SLUICE_SERVICES === 'skip') return 'SLUICE_SERVICES=skip says to install nothing'
  if (process.platform !== 'linux' || spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0)
    return `there is no ${name} here, and no apt-get to install it with`
  if (process.getuid() !== 0)
    return `the package ${name} is not installed, and installing it takes root ("sudo apt-get install ${name}")`
  console.log(`Installing the package ${name} …`)
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 }) // "start no service"
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const options = ['-o', 'DPkg::Lock::Timeout=300', '-qq'] // another one may be installing something
    const apt = (...args) =>
      spawnSync('apt-get', [...options, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
    const get = () => apt('install', '--yes', '--no-install-recommends', name)
    return get() || (apt('update') && get()) ? undefined : `apt-get could not install ${name} (see above)`
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}
