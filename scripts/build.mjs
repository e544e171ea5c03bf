// dist/ from the sources by plain tsc. Old output is removed first, so that a deleted module can't linger in the package.
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import './node-version.mjs'
import { reachableTypes } from './reachable-types.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
// The doc comments go with the types, where editors read them; a second copy would be a quarter of the package.
tsc('--emitDeclarationOnly')
tsc('--declaration', 'false', '--removeComments')
dropHiddenTypes()
// The page is served as it is, with the library of its charts and that one's licence beside it: whoever installs the package needs nothing else.
const page = `${root}dist/src/dashboard/page`
cpSync(`${root}src/dashboard/page`, page, { recursive: true })
for (const name of ['dist/uPlot.iife.min.js', 'dist/uPlot.min.css'])
  copyFileSync(`${root}node_modules/uplot/${name}`, `${page}/${name.slice(5)}`)
copyFileSync(`${root}node_modules/uplot/LICENSE`, `${page}/uPlot.LICENSE`)

/** Declarations of modules that no entry point shows are a tenth of the package. */
function dropHiddenTypes() {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [`${root}${types}`]))
  const reached = reachableTypes(entries)
  for (const file of readdirSync(`${root}dist`, { recursive: true })) {
    const path = join(root, 'dist', String(file))
    if (path.endsWith('.d.ts') && !reached.has(path)) rmSync(path)
  }
}

function tsc(...options) {
  const compiler = `${root}node_modules/typescript/bin/tsc`
  const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`, ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
