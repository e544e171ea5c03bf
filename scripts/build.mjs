// dist/ from the sources by plain tsc. Old output is removed first, so that a deleted module can't linger in the package.
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import './node-version.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
// The doc comments go with the types, where editors read them; a second copy would be a quarter of the package.
tsc('--emitDeclarationOnly')
tsc('--declaration', 'false', '--removeComments')
// The page is served as it is, with the library of its charts and that one's licence beside it: whoever installs the package needs nothing else.
const page = `${root}dist/src/dashboard/page`
cpSync(`${root}src/dashboard/page`, page, { recursive: true })
for (const name of ['dist/uPlot.iife.min.js', 'dist/uPlot.min.css'])
  copyFileSync(`${root}node_modules/uplot/${name}`, `${page}/${name.slice(5)}`)
copyFileSync(`${root}node_modules/uplot/LICENSE`, `${page}/uPlot.LICENSE`)

function tsc(...options) {
  const compiler = `${root}node_modules/typescript/bin/tsc`
  const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`, ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
