import { expect, it } from 'vitest'
import { read } from './modules.ts'

interface Entry {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Entry>> }
const packages = Object.entries(lock.packages)

it('names no place to download from, so that every registry serves it', () => {
  expect(packages.filter(([, { resolved }]) => resolved?.includes(':') === true).map(([path]) => path)).toEqual([])
})

it('has the integrity of everything that is downloaded', () => {
  const bare = packages.filter(
    ([path, entry]) => path.includes('node_modules/') && entry.link !== true && !entry.integrity,
  )
  expect(bare.map(([path]) => path)).toEqual([])
})

it('runs nothing at install', () => {
  expect(packages.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual([])
})

it('is complete for every platform: npm ci refuses a lock file that lacks an optional dependency', () => {
  const missing = packages.flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !resolves(path, name))
      .map((name) => `${path} needs ${name}`),
  )
  expect(missing).toEqual([])
})

function resolves(from: string, name: string): boolean {
  for (let path = from; ; path = path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1))) {
    if (`${path}${path === '' ? '' : '/'}node_modules/${name}` in lock.packages) return true
    if (path === '') return false
  }
}
