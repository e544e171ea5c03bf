// delta-rs for the tests of sluice/delta: a Python virtual environment with the package `deltalake`, in the git-ignored .cache folder.
// Run directly it makes the environment, or says why there is none; imported it only says where that is. Never fails: without it the tests that need it are skipped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPython } from './find-python.mjs'

const packages = ['deltalake==1.6.6', 'pyarrow==24.0.0']
const oldestPython = [3, 10]

const windows = process.platform === 'win32'
const cache = fileURLToPath(new URL('../.cache/', import.meta.url))
const folder = join(cache, 'delta-rs')
const stamp = join(folder, '.complete')

/** The interpreter that has delta-rs. */
export const deltaRsPython = join(folder, windows ? 'Scripts/python.exe' : 'bin/python')

/** Why there is no delta-rs, in words for the user; `undefined` when there is. */
export function missingDeltaRs() {
  if (existsSync(stamp)) return undefined
  return `there is no delta-rs in ${folder}: run "node scripts/delta-rs-env.mjs"`
}

function make() {
  const python = findPython(oldestPython)
  if (python === undefined) return `there is no Python ${oldestPython.join('.')} or newer with its venv module in PATH`
  console.log(`Installing ${packages.join(' and ')} into ${folder} (about 320 MB, once) …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const why =
    run(python, '-m', 'venv', folder) ??
    run(deltaRsPython, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages)
  if (why !== undefined) return why
  writeFileSync(`${stamp}.next`, `${packages.join('\n')}\n`)
  renameSync(`${stamp}.next`, stamp)
  return undefined
}

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined) return `${command} failed: ${error.message}`
  return status === 0 ? undefined : `${command} ${args.slice(0, 3).join(' ')} … failed with exit code ${status}`
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url) &&
  !existsSync(stamp)
) {
  const why = make()
  if (why !== undefined) {
    rmSync(folder, { recursive: true, force: true })
    console.log(`SKIPPED: the tests of sluice/delta against delta-rs, because of this: ${why}`)
  }
}
