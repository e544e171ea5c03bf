// dist/ from the sources by plain tsc. Old output is removed first, so that a deleted module can't linger in the package.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import './node-version.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
// The doc comments go with the types, where editors read them; a second copy would be a quarter of the package.
tsc('--emitDeclarationOnly')
tsc('--declaration', 'false', '--removeComments')

function tsc(...options) {
  const compiler = `${root}node_modules/typescript/bin/tsc`
  const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`, ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
