// What a start costs, many times over, each in a process of its own: importing `sluice`, and then the first batch; beside an empty module. And what the import loads.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bench } from './harness/bench.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

function inProcess(program: string): Readonly<Record<string, number>> {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, number>
}

const started = `
  const begun = performance.now()
  const { availableNow, memoryCheckpoint, memorySink, memoryStream, readStream } = await import('sluice')
  const imported = performance.now()
  const source = memoryStream()
  source.add({ n: 1 })
  const sink = memorySink()
  await readStream(source).writeStream(sink, { name: 'first', checkpoint: memoryCheckpoint(), trigger: availableNow() }).start().terminated
  if (sink.rows.length !== 1) throw new Error('no row arrived')
  console.log(JSON.stringify({ import: imported - begun, 'first batch': performance.now() - imported }))`

const nothing = `
  const begun = performance.now()
  await import('data:text/javascript,')
  console.log(JSON.stringify({ 'import of an empty module': performance.now() - begun }))`

const connectors = ['rest', 'rabbitmq', 'postgres', 'files', 'delta', 'parquet']

/** Every file that the import loads, and what of a connector or another package is in them: a bundled file names its modules. */
const loaded = `
  import { readFileSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  const urls = new Set()
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      urls.add(resolved.url)
      return resolved
    },
  })
  await import('sluice')
  const files = [...urls].filter((url) => url.startsWith('file:'))
  const packages = files.filter((url) => url.includes('/node_modules/') && !/\\/node_modules\\/(rxjs|tslib)\\//.test(url))
  const own = files.filter((url) => !url.includes('/node_modules/'))
  const modules = own.flatMap((url) => [...readFileSync(new URL(url), 'utf8').matchAll(/^\\/\\/ (src\\/.*)$/gm)].map(([, path]) => path))
  if (modules.length < 50) throw new Error('the files do not name their modules')
  const foreign = modules.filter((path) => ${JSON.stringify(connectors)}.some((name) => path.startsWith('src/connectors/' + name + '/')))
  console.log(JSON.stringify({ 'files of sluice and RxJS': files.length, "a connector's or another package's": foreign.length + packages.length }))`

await bench([
  {
    name: 'start',
    sample: async () => ({ ...inProcess(started), ...inProcess(nothing) }),
    figures: {
      import: { unit: 'ms', atMost: 60 },
      'import of an empty module': { unit: 'ms' },
      'first batch': { unit: 'ms' },
    },
  },
  {
    name: 'what the import loads',
    sample: async () => inProcess(loaded),
    figures: {
      'files of sluice and RxJS': { unit: 'files' },
      "a connector's or another package's": { unit: 'modules', atMost: 0 },
    },
  },
])
