import { describe, expect, it } from 'vitest'
import { circles, floorOf, upwardImports } from './floors.ts'
import { type Import, type Module, moduleOf, modulesIn, read } from './modules.ts'

const modules = modulesIn('src', 'operators')
const inside = modules.filter(({ file }) => !file.endsWith('/index.ts'))

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}
const manifest = JSON.parse(read('package.json')) as Manifest

/** The sources behind the entry points, by public name. */
const entries = Object.entries(manifest.exports).flatMap(([name, target]): (readonly [string, string])[] =>
  typeof target === 'string' ? [] : [[name, target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')]],
)

/** Everything that a file leads to: files, and packages by their names. */
function reachedFrom(entry: string, follow: (to: Import) => boolean): ReadonlySet<string> {
  const byFile = new Map(modules.map((module) => [module.file, module]))
  const reached = new Set<string>()
  const visit = (name: string): void => {
    if (reached.has(name)) return
    reached.add(name)
    for (const to of byFile.get(name)?.imports ?? []) if (follow(to)) visit(to.file ?? to.specifier)
  }
  visit(entry)
  return reached
}

describe('the reader of imports', () => {
  const text = `// import { no } from './comment.ts'
import { map, type Observable } from 'rxjs'
import type { A } from './a.ts'
import {
  b,
} from '../b.ts'
import * as c from './c.ts'
import './d.ts'
export { e } from './e.ts'
export type { F } from './f.ts'
export * from './g.ts'
/**
 * import { no } from './doc.ts'
 */
export const from = () => import('./h.ts')
`
  it('finds every form, and no comment', () => {
    expect(moduleOf('src/x/y.ts', text).imports).toEqual([
      { specifier: 'rxjs', file: undefined, typeOnly: false, dynamic: false },
      { specifier: './a.ts', file: 'src/x/a.ts', typeOnly: true, dynamic: false },
      { specifier: '../b.ts', file: 'src/b.ts', typeOnly: false, dynamic: false },
      { specifier: './c.ts', file: 'src/x/c.ts', typeOnly: false, dynamic: false },
      { specifier: './d.ts', file: 'src/x/d.ts', typeOnly: false, dynamic: false },
      { specifier: './e.ts', file: 'src/x/e.ts', typeOnly: false, dynamic: false },
      { specifier: './f.ts', file: 'src/x/f.ts', typeOnly: true, dynamic: false },
      { specifier: './g.ts', file: 'src/x/g.ts', typeOnly: false, dynamic: false },
      { specifier: './h.ts', file: 'src/x/h.ts', typeOnly: false, dynamic: true },
    ])
  })

  it('misses none of the sources’', () => {
    const files = new Set(modules.map(({ file }) => file))
    const lost = modules.flatMap(({ file, text, imports }) => {
      const written = text.match(/^(?:\} from|(?:import|export) .* from|import) '[^']+'/gm)?.length ?? 0
      const unknown = imports.flatMap((to) => (to.file === undefined || files.has(to.file) ? [] : [to.specifier]))
      const found = imports.filter(({ dynamic }) => !dynamic).length
      return written === found && unknown.length === 0 ? [] : [`${file}: ${found} of ${written}, ${unknown.join(', ')}`]
    })
    expect(lost).toEqual([])
  })
})

describe('the rules themselves', () => {
  const module = (file: string, ...specifiers: readonly string[]): Module =>
    moduleOf(file, specifiers.map((specifier) => `import type { X } from '${specifier}'\n`).join(''))

  it('see a circle, also one of types only', () => {
    const a = module('src/a.ts', './b.ts')
    const b = module('src/b.ts', './c.ts')
    expect(circles([a, b, module('src/c.ts', './b.ts')])).toEqual(['src/b.ts -> src/c.ts -> src/b.ts'])
    expect(circles([a, b, module('src/c.ts')])).toEqual([])
  })

  it('see an import that leads up', () => {
    const up = module('src/sink.ts', './batch.ts', './stream.ts', '../operators/map-rows.ts')
    expect(upwardImports([up])).toEqual([
      'src/sink.ts -> src/stream.ts (types)',
      'src/sink.ts -> operators/map-rows.ts (types)',
    ])
  })
})

describe('imports', () => {
  it('come from files that stand on a floor (see floors.ts)', () => {
    expect(modules.map(({ file }) => file).filter((file) => floorOf(file) === undefined)).toEqual([])
  })

  it('run downward only', () => {
    expect(upwardImports(modules)).toEqual([])
  })

  it('make no circle, types included', () => {
    expect(circles(modules)).toEqual([])
  })

  it('are relative, name the defining module, and end in .ts', () => {
    const wrong = inside.flatMap(({ file, imports }) =>
      imports
        .filter((to) => to.specifier.startsWith('sluice') || (to.file !== undefined && !/[^/]\.ts$/.test(to.file)))
        .map((to) => `${file} -> ${to.specifier}`),
    )
    const ofIndex = inside.flatMap(({ file, imports }) =>
      imports.filter((to) => to.file?.endsWith('/index.ts') === true).map((to) => `${file} -> ${to.specifier}`),
    )
    expect(wrong).toEqual([])
    expect(ofIndex).toEqual([])
  })

  it('take RxJS from its public entry points, and its test scheduler only for testing', () => {
    const wrong = modules.flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith('rxjs/'))
        .filter(({ specifier }) => !(specifier === 'rxjs/testing' && file.startsWith('src/testing/')))
        .map(({ specifier }) => `${file} -> ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it('take packages in connectors, metrics and dashboard only, and only declared ones', () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    const wrong = modules.flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .filter(({ specifier }) => {
          const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
          const core = !/^src\/(connectors|metrics|dashboard)\//.test(file)
          return !declared.includes(name) || (core && name !== 'rxjs')
        })
        .map(({ specifier }) => `${file} -> ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it('of a connector stay in its folder and below the engine', () => {
    const above = floorOf('src/connectors/x/source.ts') as number
    const wrong = modules.flatMap(({ file, imports }) => {
      const folder = /^src\/connectors\/[^/]+\//.exec(file)?.[0]
      if (folder === undefined) return []
      return (
        imports
          .filter((to) => to.file !== undefined && !to.file.startsWith(folder) && floorOf(to.file) === above)
          // Helpers for sources and checkpoints of one’s own are for connectors, too.
          .filter(
            (to) =>
              !/^src\/(checkpoint\/|offsets\/|simple-reader|data-source|idempotency|dead-letters|guarantee)/.test(
                to.file ?? '',
              ),
          )
          .map((to) => `${file} -> ${to.specifier}`)
      )
    })
    expect(wrong).toEqual([])
  })
})

describe('entry points', () => {
  it('are files', () => {
    const files = modules.map(({ file }) => file)
    expect(entries.filter(([, file]) => !files.includes(file))).toEqual([])
    expect(entries.map(([name]) => name)).toContain('.')
  })

  it.each(['.', './operators', './testing'])('%s loads RxJS and Node only, and no SQLite', (name) => {
    const file = new Map(entries).get(name) as string
    const loaded = [...reachedFrom(file, (to) => !to.typeOnly && !to.dynamic)].filter((from) => !from.endsWith('.ts'))
    expect(loaded).toContain('rxjs')
    expect(loaded.filter((from) => !/^(rxjs(\/testing)?|node:(?!sqlite)[\w/]+)$/.test(from))).toEqual([])
  })

  it.each(['.', './operators'])(
    '%s loads nothing of Node that takes a millisecond or more: src/builtins.ts has that',
    (name) => {
      const file = new Map(entries).get(name) as string
      const loaded = [...reachedFrom(file, (to) => !to.typeOnly && !to.dynamic)].filter((from) => /^node:/.test(from))
      expect(loaded.filter((from) => !['node:path', 'node:os'].includes(from))).toEqual([])
    },
  )

  it('lead to every module', () => {
    const reached = new Set(entries.flatMap(([, file]) => [...reachedFrom(file, () => true)]))
    const unused = modules.map(({ file }) => file).filter((file) => !reached.has(file))
    // The built-in connectors are exported by the package itself; their own index is for reading.
    expect(unused.filter((file) => !/^src\/connectors\/[^/]+\/index\.ts$/.test(file))).toEqual([])
  })
})
