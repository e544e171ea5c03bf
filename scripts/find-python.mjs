import { spawnSync } from 'node:child_process'

const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python']

/**
 * The first Python in PATH that can make a virtual environment with pip in it; `undefined` where there is none.
 * @param {readonly [number, number]} oldest
 */
export function findPython([oldestMajor, oldestMinor]) {
  return names.find((name) => {
    // Debian's python3 comes without ensurepip, and an environment made by it would have no pip.
    const test = 'import sys, venv, ensurepip; print(*sys.version_info[:2])'
    const { status, stdout } = spawnSync(name, ['-c', test], { encoding: 'utf8' })
    if (status !== 0) return false
    const [major, minor] = stdout.trim().split(' ').map(Number)
    return major === oldestMajor && minor >= oldestMinor
  })
}
