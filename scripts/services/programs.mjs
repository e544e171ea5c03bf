// Programs of Debian's packages that tests run: found, or installed when root. They are started by the tests themselves, on loopback.
//   node scripts/services/programs.mjs prometheus chromium
// PROMETHEUS, PROMTOOL and CHROMIUM name others. With SLUICE_SERVICES=skip nothing is installed.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackage } from './debian-package.mjs'

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
  const problem = installPackage(packages[name])
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const name of process.argv.slice(2)) console.log(`${name}: ${program(name)}`)
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
