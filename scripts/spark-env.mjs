// Apache Spark for "npm run test:interop": a Python virtual environment with PySpark, in the git-ignored .cache folder.
// Says what the machine lacks. Run directly it makes the environment; imported it only says where that is.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPython } from './find-python.mjs'

/** Of Spark; another 4.x from 4.2 on may be asked for, earlier ones have no limits for Python sources. */
export const sparkVersion = process.env.SLUICE_SPARK_VERSION ?? '4.3.0'
const packages = [`pyspark==${sparkVersion}`, 'pyarrow==24.0.0']
const oldestPython = [3, 11]
const oldestJava = 17

const windows = process.platform === 'win32'
const folder = fileURLToPath(new URL(`../.cache/spark-${sparkVersion}/`, import.meta.url))
const stamp = join(folder, '.complete')

/** The interpreter that has PySpark. */
export const sparkPython = join(folder, windows ? 'Scripts/python.exe' : 'bin/python')

/** What is missing, in words for the user; `undefined` when all is there. */
export function missingForSpark() {
  if (!existsSync(stamp)) return `there is no PySpark ${sparkVersion} in ${folder}: run "node scripts/spark-env.mjs"`
  return missingJava()
}

function missingJava() {
  const java = process.env.JAVA_HOME === undefined ? 'java' : join(process.env.JAVA_HOME, 'bin', 'java')
  const { error, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  const wanted = `Spark ${sparkVersion} needs Java ${oldestJava} or newer, in JAVA_HOME or PATH`
  if (error !== undefined) return `${wanted}, and there is none (${error.message})`
  const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  return major < oldestJava ? `${wanted}, and ${java} is ${stderr.split('\n')[0]}` : undefined
}

function make() {
  const python = findPython(oldestPython)
  if (python === undefined)
    fail(
      `Spark ${sparkVersion} needs Python ${oldestPython.join('.')} or newer with its venv module, and none was found in PATH`,
    )
  console.log(`Installing ${packages.join(' and ')} into ${folder} (about 500 MB, once) …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  run(python, '-m', 'venv', folder)
  run(sparkPython, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages)
  writeFileSync(stamp, `${packages.join('\n')}\n`)
}

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error !== undefined || status !== 0)
    fail(
      `${command} ${args.join(' ')} failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}`,
    )
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const java = missingJava()
  if (java !== undefined) fail(java)
  if (!existsSync(stamp)) make()
}
