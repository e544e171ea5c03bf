// Apache Spark with Delta Lake for "npm run test:interop": a Python virtual environment with PySpark, and Delta's jars as Maven resolves them, in the
// git-ignored .cache folder. Its own Spark, for Delta follows Spark at a distance. Run directly it makes the environment, imported it only says where that is.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPython } from './find-python.mjs'

const delta = { artifact: 'delta-spark_4.1_2.13', version: '4.3.1' }
const packages = ['pyspark==4.1.4', 'pyarrow==24.0.0']
const oldestPython = [3, 10]

const windows = process.platform === 'win32'
const folder = fileURLToPath(new URL('../.cache/delta-spark/', import.meta.url))
const stamp = join(folder, '.complete')

/** The interpreter that has PySpark. */
export const deltaSparkPython = join(folder, windows ? 'Scripts/python.exe' : 'bin/python')
/** The folder of Delta's jars. */
export const deltaJars = join(folder, 'delta-jars')

/** What is missing, in words for the user; `undefined` when all is there. */
export function missingDeltaSpark() {
  return existsSync(stamp)
    ? undefined
    : `there is no Spark with Delta in ${folder}: run "node scripts/delta-spark-env.mjs"`
}

function make() {
  const python = findPython(oldestPython)
  if (python === undefined) {
    console.error(
      `Spark needs Python ${oldestPython.join('.')} or newer with its venv module, and none was found in PATH`,
    )
    process.exit(1)
  }
  console.log(`Installing ${packages.join(' and ')} and Delta ${delta.version} into ${folder} (about 700 MB, once) …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  run(python, '-m', 'venv', folder)
  run(deltaSparkPython, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages)
  const { stdout } = spawnSync(deltaSparkPython, ['-c', 'import pyspark; print(pyspark.__path__[0])'], {
    encoding: 'utf8',
  })
  const pom = join(folder, 'pom.xml')
  writeFileSync(pom, pomOf())
  run(
    'mvn',
    '--quiet',
    '--batch-mode',
    '--file',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${deltaJars}`,
  )
  const nameOf = (jar) => jar.replace(/-\d[^/]*$/, '')
  const sparks = new Set(readdirSync(join(stdout.trim(), 'jars')).map(nameOf))
  for (const jar of readdirSync(deltaJars)) if (sparks.has(nameOf(jar))) rmSync(join(deltaJars, jar))
  writeFileSync(stamp, `${packages.join('\n')}\n${delta.artifact} ${delta.version}\n`)
}

/** A project that depends on Delta and nothing else. Maven tells where it comes from by its own settings. */
function pomOf() {
  const tags = (entries) =>
    Object.entries(entries)
      .map(([name, text]) => `<${name}>${text}</${name}>`)
      .join('')
  const own = tags({
    modelVersion: '4.0.0',
    groupId: 'sluice',
    artifactId: 'delta-jars',
    version: '1',
    packaging: 'pom',
  })
  const dependency = tags({ groupId: 'io.delta', artifactId: delta.artifact, version: delta.version })
  return `<project>${own}<dependencies><dependency>${dependency}</dependency></dependencies></project>\n`
}

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error === undefined && status === 0) return
  console.error(
    `${command} ${args.join(' ')} failed${error === undefined ? ` with exit code ${status}` : `: ${error.message}`}`,
  )
  process.exit(1)
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url) &&
  !existsSync(stamp)
)
  make()
