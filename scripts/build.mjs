// dist/ from the sources: the types by tsc, a file a module; the code by rolldown (what Vite, and so vitest, bundles with), a file an entry point and what several share in
// chunks, because a module more is a file to find and to compile at each start: half a millisecond. Hence all that `sluice` itself leads to is one chunk. Old output is
// removed first, so that nothing deleted lingers in the package.
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import './node-version.mjs'
import { shownTypes } from './shown-types.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
tsc('--emitDeclarationOnly')
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const entries = Object.values(exports).filter((target) => typeof target === 'object')
dropHiddenTypes()
await bundle()
// The page is served as it is, with the library of its charts and that one's licence beside it: whoever installs the package needs nothing else.
const page = `${root}dist/src/dashboard/page`
cpSync(`${root}src/dashboard/page`, page, { recursive: true })
for (const name of ['dist/uPlot.iife.min.js', 'dist/uPlot.min.css'])
  copyFileSync(`${root}node_modules/uplot/${name}`, `${page}/${name.slice(5)}`)
copyFileSync(`${root}node_modules/uplot/LICENSE`, `${page}/uPlot.LICENSE`)

/** The doc comments are with the types, where editors read them; a second copy would be a quarter of the package. */
async function bundle() {
  const names = entries.map((target) => target.default.replace(/^\.\/dist\/(.*)\.js$/, '$1'))
  // It finds the page beside itself.
  names.push('src/dashboard/assets')
  const core = new Set()
  const build = await rolldown({
    plugins: [
      {
        name: 'core',
        buildEnd() {
          collect(core, `${root}src/index.ts`, (id) => this.getModuleInfo(id))
        },
      },
    ],
    input: Object.fromEntries(names.map((name) => [name, `${root}${name}.ts`])),
    external: (id) => !/^[./]/.test(id),
    platform: 'node',
  })
  const codeSplitting = { groups: [{ name: 'core', test: (id) => core.has(id) }] }
  const output = { dir: `${root}dist`, format: 'esm', comments: { jsdoc: false, annotation: true, legal: true } }
  await build.write({
    ...output,
    codeSplitting,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  })
  await build.close()
}

/** A module, and all that it imports at once. */
function collect(modules, id, infoOf) {
  const info = infoOf(id)
  if (modules.has(id) || info === null || info.isExternal) return
  modules.add(id)
  for (const next of info.importedIds) collect(modules, next, infoOf)
}

function dropHiddenTypes() {
  const shown = shownTypes(entries.map(({ types }) => `${root}${types}`))
  for (const file of readdirSync(`${root}dist`, { recursive: true })) {
    const path = join(root, 'dist', String(file))
    if (path.endsWith('.d.ts') && !shown.has(path)) rmSync(path)
  }
  for (const [path, text] of shown) writeFileSync(path, text)
}

function tsc(...options) {
  const compiler = `${root}node_modules/typescript/bin/tsc`
  const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`, ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
