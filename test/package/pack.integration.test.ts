import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shownTypes } from '../../scripts/shown-types.mjs'
import { binary, type Packed, packAndInstall, run } from './packed.ts'
import { bundleSize } from './size.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { readonly types: string }>
}
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => `sluice${path.slice(1)}`)

/** Bytes; the package holds no source maps. A quarter of it are the types with their doc comments, 40 kB the page with the library of its charts. */
const maxPacked = 465_000

let packed: Packed
beforeAll(() => {
  packed = packAndInstall()
})
afterAll(() => packed?.remove())

/** Runs a program in the project that has the package, and gives what it printed as JSON. */
function evaluate(program: string): unknown {
  return JSON.parse(run(process.execPath, ['--input-type=module', '--eval', program], packed.project))
}

/** Every file and built-in module that importing an entry point loads. */
function loadedBy(entry: string): readonly string[] {
  return evaluate(`
    import { registerHooks } from 'node:module'
    const loaded = new Set()
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context)
        loaded.add(resolved.url)
        return resolved
      },
    })
    await import(${JSON.stringify(entry)})
    console.log(JSON.stringify([...loaded, ...process.moduleLoadList.filter((name) => / sqlite/.test(name))]))
  `) as string[]
}

describe('the tarball', () => {
  it('holds what was built, and nothing else', () => {
    const others = packed.files.filter(
      (file) => !/^dist\/((src|operators)\/.*\.(js|d\.ts)|chunks\/[\w-]+\.js)$/.test(file),
    )
    const page = ['index.html', 'style.css', 'uPlot.LICENSE', 'uPlot.min.css'].map(
      (name) => `dist/src/dashboard/page/${name}`,
    )
    expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', ...page, 'package.json'])
    expect(packed.files).toContain('dist/src/dashboard/page/uPlot.iife.min.js')
  })

  it('holds every entry point, although nothing was built before it was packed', () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    expect(targets).toContain('./dist/src/index.js')
    expect(targets.filter((target) => !packed.files.includes(String(target).replace(/^\.\//, '')))).toEqual([])
  })

  it('has the types that an entry point shows, all that these need, and none besides', () => {
    const folder = join(packed.project, 'node_modules/sluice')
    const types = packed.files.filter((file) => file.endsWith('.d.ts'))
    expect(types.length).toBeGreaterThan(50)
    const entries = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [] : [join(folder, target.types)],
    )
    const shown = [...shownTypes(entries)].map(([path, text]) => [relative(folder, path), text])
    expect(types.map((file) => [file, readFileSync(join(folder, file), 'utf8')]).toSorted()).toEqual(shown.toSorted())
    const all = shown.map(([, text]) => text).join('')
    expect(all).toContain('A checkpoint in an SQLite database')
    expect(all).not.toContain('validateOptions') // exported by src/options.ts, for inside
  })

  it('has types that are whole: the compiler finds every name in them', () => {
    const imports = entries.map((entry, index) => `export * as e${index} from '${entry}'`)
    writeFileSync(join(packed.project, 'whole.ts'), `${imports.join('\n')}\n`)
    const checks = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--ignoreConfig']
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
    run(process.execPath, [binary('tsc'), ...checks, ...types, 'whole.ts'], packed.project)
  })

  it('has types that need no others than those of Node and of packages that bring their own', () => {
    const folder = join(packed.project, 'node_modules/sluice')
    const declarations = packed.files.filter((file) => file.endsWith('.d.ts'))
    const needed = declarations.flatMap((file) =>
      Array.from(
        readFileSync(join(folder, file), 'utf8').matchAll(/^(?:import|export) [^;]*? from ['"]([^.'"][^'"]*)['"]/gm),
        ([, specifier = '']) => specifier,
      ),
    )
    const packages = new Set(needed.filter((name) => !name.startsWith('node:')))
    expect([...packages].toSorted()).toEqual(['amqplib', 'prom-client', 'rxjs', 'rxjs/testing'])
  })

  it(`is smaller than ${maxPacked / 1000} kB`, () => {
    expect(packed.size).toBeLessThan(maxPacked)
  })

  it('satisfies publint', async () => {
    const { buffer, byteOffset, byteLength } = readFileSync(packed.tarball)
    const tarball = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
    expect(pkg.name).toBe('sluice')
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([])
  })

  it('has the types that its modules have, for every way of resolving ESM', () => {
    const args = [packed.tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'json', '--quiet']
    run(binary('attw'), args, packed.project)
  })
})

describe('an installed package', () => {
  it.each(entries)('%s can be imported', (entry) => {
    const names = evaluate(`console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(entry)}))))`)
    expect(names).not.toEqual([])
  })

  it('gives its package.json, and nothing that it does not export', () => {
    const read = `import json from 'sluice/package.json' with { type: 'json' }; console.log(JSON.stringify(json.name))`
    expect(evaluate(read)).toBe('sluice')
    const inner = `console.log(JSON.stringify(await import('sluice/dist/src/index.js').catch((error) => error.code)))`
    expect(evaluate(inner)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  it.each(['sluice', 'sluice/operators', 'sluice/testing'])('%s loads RxJS and Node only, and no SQLite', (entry) => {
    const loaded = loadedBy(entry)
    expect(loaded.some((name) => name.includes('/node_modules/sluice/dist/'))).toBe(true)
    expect(loaded.some((name) => name.includes('/node_modules/rxjs/'))).toBe(true)
    const foreign = loaded.filter((name) => !/\/node_modules\/(sluice\/dist|rxjs|tslib)\/|^node:(?!sqlite)/.test(name))
    expect(foreign).toEqual([])
  })

  it.each(['sluice', 'sluice/operators'])('%s loads no part of Node that only some queries use', (entry) => {
    const began = evaluate(`
      await import('rxjs')
      const before = new Set(process.moduleLoadList)
      Intl.Segmenter = class { constructor() { throw new Error('made at once, which takes 10 ms') } }
      await import(${JSON.stringify(entry)})
      const loaded = process.moduleLoadList.filter((name) => !before.has(name))
      await import('node:zlib')
      console.log(JSON.stringify({ loaded, zlib: process.moduleLoadList.filter((name) => /^NativeModule zlib/.test(name)) }))`) as {
      loaded: string[]
      zlib: string[]
    }
    expect(began.zlib).toEqual(['NativeModule zlib']) // the list has what is loaded
    expect(began.loaded.filter((name) => !/ (os|path)$/.test(name))).toEqual([])
  })

  it('sluice loads two files, with no module of a connector in them', () => {
    const loaded = loadedBy('sluice').filter((name) => name.includes('/node_modules/sluice/dist/'))
    expect(loaded.map((url) => url.replace(/.*\/dist\/|-[\w-]+(?=\.js$)/g, '')).sort()).toEqual([
      'chunks/core.js',
      'src/index.js',
    ])
    const modules = loaded.flatMap((url) =>
      Array.from(
        readFileSync(new URL(url), 'utf8').matchAll(/^\/\/ ((?:src|operators)\/.*)$/gm),
        ([, path = '']) => path,
      ),
    )
    expect(modules).toContain('src/query.ts')
    const optional = /^src\/(connectors\/(rest|rabbitmq|postgres|files|delta|parquet)|metrics|dashboard|testing)\//
    expect(modules.filter((path) => optional.test(path))).toEqual([])
  })

  it('is one package: what the entry points share is the same', () => {
    const same = `
      import { PortError } from 'sluice'
      import { transformRows } from 'sluice/operators'
      import { marbles } from 'sluice/testing'
      import { of, take } from 'rxjs'
      const seen = await new Promise((resolve) =>
        of([{ n: 1 }], [{ n: 2 }]).pipe(transformRows([take(1)])).subscribe({ error: resolve }))
      console.log(JSON.stringify([seen.code, typeof marbles, new PortError('x').name]))`
    expect(evaluate(same)).toEqual(['SLUICE_OPERATOR', 'function', 'PortError'])
  })
})

const own = `import { availableNow, memoryCheckpoint, memorySink, memoryStream, readStream } from 'sluice'
import { filterRows, mapRows } from 'sluice/operators'

const numbers = memoryStream<{ n: number }>()
const squares = memorySink<{ n: number; square: number }>()
numbers.add({ n: 1 }, { n: 2 }, { n: 3 })

const query = readStream(numbers)
  .pipe(
    filterRows((row) => row.n > 1),
    mapRows((row) => ({ ...row, square: row.n ** 2 })),
  )
  .writeStream(squares, { name: 'squares', checkpoint: memoryCheckpoint(), trigger: availableNow() })

query.subscribe({ complete: () => console.log(squares.rows.map(({ square }) => square).join(' ')) })
`

/** The first TypeScript block of the README that is a program of its own. */
function readmeExample(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const blocks = Array.from(readme.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, block = '']) => block)
  const program = blocks.find((block) => /^import .* from 'sluice'$/m.test(block))
  if (program === undefined) throw new Error('the README has no TypeScript block that imports sluice')
  return program
}

describe('an application that imports the core alone', () => {
  // Bytes, without RxJS. Minified as it is it takes about three times as much.
  const maxGzip = 30_000

  it(`takes less than ${maxGzip / 1_000} kB of it, minified and compressed`, async () => {
    const program = `import { availableNow, memoryCheckpoint, noop, readStream } from 'sluice'
      export const run = (source) => readStream(source).writeStream(noop(), { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })`
    const { minified, gzip } = await bundleSize(packed.project, program)
    expect(minified).toBeGreaterThan(20_000) // it was found
    expect(gzip).toBeLessThan(maxGzip)
  })
})

describe('a program that uses the package', () => {
  it('of its own compiles strictly and runs', async () => {
    compile(own)
    expect(await runExample()).toEqual({ output: '4 9\n', errors: '', code: 0 })
  })

  it('from the README compiles strictly, runs, and ends on Ctrl-C', async () => {
    compile(readmeExample())
    const api = new URL('comments-api.ts', import.meta.url)
    const { output, errors, code } = await runExample(['--import', api.href], (child) => child.kill('SIGINT'))
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
    expect(output).not.toBe('')
  })
})

function compile(program: string): void {
  writeFileSync(join(packed.project, 'example.ts'), program)
  const checks = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--declaration']
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
  const target = ['--target', 'es2024', '--lib', 'es2024,esnext.disposable', '--ignoreConfig']
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const modules = ['--module', `${module}`, '--moduleResolution', `${resolution}`]
    run(process.execPath, [binary('tsc'), ...checks, ...types, ...target, ...modules, 'example.ts'], packed.project)
  }
}

/** Runs the program to its end. `onOutput` is called with the first thing it prints. */
async function runExample(
  args: readonly string[] = [],
  onOutput: (child: ChildProcess) => void = () => {},
): Promise<{ output: string; errors: string; code: number | null }> {
  const child = spawn(process.execPath, [...args, 'example.ts'], {
    cwd: packed.project,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  child.stdout.once('data', () => onOutput(child))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { output, errors, code }
}
