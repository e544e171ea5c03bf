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

/** Every module that the import loads, and those among them that belong to a connector or its driver. */
const loaded = `
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
  const own = [...urls].filter((url) => url.startsWith('file:'))
  const foreign = own.filter((url) => ${JSON.stringify(connectors)}.some((name) => url.includes('/connectors/' + name + '/'))
    || (url.includes('/node_modules/') && !/\\/node_modules\\/(rxjs|tslib)\\//.test(url)))
  console.log(JSON.stringify({ 'modules of sluice and RxJS': own.length, "a connector's or another package's": foreign.length }))`

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
      'modules of sluice and RxJS': { unit: 'modules' },
      "a connector's or another package's": { unit: 'modules', atMost: 0 },
    },
  },
])
