import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const left = new Set(['node_modules', '.services', 'dist', '.git', 'data', 'checkpoints', 'coverage', '.cache'])

export interface Packed {
  readonly tarball: string
  /** Bytes. */
  readonly size: number
  readonly files: readonly string[]
  /** A project that has nothing but the package, its dependencies and its peer. */
  readonly project: string
  readonly remove: () => void
}

/** Packs a copy of the sources by a mere `npm pack`, and installs the tarball into an empty project. Nothing is downloaded. */
export function packAndInstall(): Packed {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
  const copy = join(folder, 'copy')
  cpSync(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) })
  shareModules(copy)
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], copy)) as {
    filename: string
    size: number
    files: { path: string }[]
  }[]
  if (packed === undefined) throw new Error('npm pack made nothing')

  const tarball = join(folder, packed.filename)
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const others = needed().map((name) => `file:${join(root, 'node_modules', name)}`)
  const install = ['install', '--offline', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund']
  run('npm', [...install, tarball, ...others], project)
  return {
    tarball,
    size: packed.size,
    files: packed.files.map(({ path }) => path),
    project,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The package's dependencies and those peers that an entry point imports at once, with what these need in turn: installed from here, whatever npm's cache holds. */
function needed(): readonly string[] {
  const names = new Set<string>()
  const add = (name: string): void => {
    if (names.has(name)) return
    names.add(name)
    for (const next of dependenciesOf(join(root, 'node_modules', name))) add(next)
  }
  for (const name of ['rxjs', 'pg', 'pg-copy-streams', ...dependenciesOf(root)]) add(name)
  return [...names]
}

function dependenciesOf(folder: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies?: object }
  return Object.keys(manifest.dependencies ?? {})
}

/** The project's dependencies under a folder of the copy's own, so that an install there could not remove them here. Marked as installed by the set-up. */
function shareModules(copy: string): void {
  const modules = join(copy, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  rmSync(join(modules, '.sluice-setup'), { force: true })
  const lock = readFileSync(join(copy, 'package-lock.json'))
  writeFileSync(join(modules, '.sluice-setup'), createHash('sha256').update(lock).digest('hex'))
}

/** Runs a command to its end and gives what it wrote; fails with all of it. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `${stdout}\n${stderr}`}`)
  return stdout
}

export function binary(name: string): string {
  return join(root, 'node_modules', '.bin', name)
}
