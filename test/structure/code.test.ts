import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesIn, type Module, moduleOf, modulesIn, read } from './modules.ts'

const modules = modulesIn('src', 'operators')
const entryPoints = [
  'src/index.ts',
  'operators/index.ts',
  'src/testing/index.ts',
  'src/metrics/index.ts',
  'src/dashboard/index.ts',
  'src/connectors/rest/index.ts',
  'src/connectors/postgres/index.ts',
  'src/connectors/rabbitmq/index.ts',
  'src/connectors/files/index.ts',
  'src/connectors/delta/index.ts',
]

/** `file: text` for each match in the code, comments and strings left out. */
function occurrences(of: readonly Module[], pattern: RegExp): string[] {
  return of.flatMap(({ file, code }) => Array.from(code.matchAll(pattern), ([found]) => `${file}: ${found.trim()}`))
}

const anyType = /(?::|<|\bas|\||=|,|\() ?any\b(?!\()/g
const asynchronous = /\basync (?:function|\*|\(|\w+ =>)|\bawait\b/g
const timers = /\b(?:setTimeout|setInterval|setImmediate)\b/g

describe('the rules themselves', () => {
  const matches = (pattern: RegExp, text: string): number => occurrences([moduleOf('src/x.ts', text)], pattern).length

  it('see any as a type, and not as a word', () => {
    expect(
      matches(anyType, 'let a: any\nlet b = c as any\nlet d: Map<any, any[]>\nfunction f(x: string | any) {}'),
    ).toBe(5)
    expect(
      matches(anyType, "// as any\n/** : any */\nconst any = race.any(1)\nlet a = ': any'\nlet many: Company"),
    ).toBe(0)
  })

  it('see async and await, and not in texts', () => {
    expect(
      matches(
        asynchronous,
        'async () => 1\nasync function* f() {}\nasync x => x\nawait y\nfor await (const z of y) {}',
      ),
    ).toBe(5)
    expect(matches(asynchronous, '// await\nconst a = `an async (generator) $' + "{b} await`\nconst c = 'await'")).toBe(
      0,
    )
    expect(matches(asynchronous, 'const a = `$' + '{await b}`')).toBe(1)
  })
})

describe('the sources', () => {
  it('have no any', () => {
    expect(occurrences(modules, anyType)).toEqual([])
  })

  it('silence no checker', () => {
    const silenced = modules
      .filter(({ text }) =>
        /@ts-(?:ignore|nocheck|expect-error)|biome-ignore lint\/suspicious\/noExplicitAny/.test(text),
      )
      .map(({ file }) => file)
    expect(silenced).toEqual([])
  })

  it('leave nothing to do', () => {
    const open = ['src', 'operators', 'test', 'examples', 'scripts']
      .flatMap((folder) => [...filesIn(folder), ...filesIn(folder, '.mjs')])
      .filter((file) => /\b(?:TO[D]O|FIX[M]E|XX[X])\b/.test(read(file)))
    expect(open).toEqual([])
  })

  it('know of no timer but the schedulers’', () => {
    expect(
      occurrences(
        modules.filter(({ file }) => !file.startsWith('src/testing/')),
        timers,
      ),
    ).toEqual([])
  })

  it('add no promise of their own to the engine', () => {
    const engine = modules.filter(({ file }) => file.startsWith('operators/') || file === 'src/pipeline.ts')
    expect(occurrences(engine, asynchronous)).toEqual([])
  })
})

describe('the tests', () => {
  it('are all run', () => {
    const left = filesIn('test').flatMap((file) =>
      Array.from(
        read(file).matchAll(/^\s*(?:it|test|describe)\.(?:skip|only|todo|fails)\b/gm),
        ([found]) => `${file}: ${found.trim()}`,
      ),
    )
    expect(left).toEqual([])
  })
})

describe('an index', () => {
  const indexes = modules.filter(({ file }) => file.endsWith('/index.ts'))

  it.each(indexes.map(({ file, text }) => [file, text] as const))('%s holds named re-exports only', (_file, text) => {
    const rest = text
      .replace(/^export (?:type )?\{[^}]*\} from '[^']+'$/gm, '')
      .replace(/^\/\/ .*$/gm, '')
      .replace(/^\/\*\*[\s\S]*?\*\//, '')
    expect(rest.trim()).toBe('')
  })

  it.each(entryPoints)('%s groups them under headings', (file) => {
    const groups = read(file).trim().split('\n\n')
    expect(groups.filter((group) => !/^\/\/ .+\n(?:export| {2}|\})/.test(group))).toEqual([])
  })
})

describe('public names', () => {
  const byFile = new Map(modules.map((module) => [module.file, module]))

  /** Where a name that a module exports is declared. */
  function declaration(
    file: string,
    name: string,
  ): { readonly file: string; readonly documented: boolean } | undefined {
    const { text } = byFile.get(file) as Module
    const own = new RegExp(
      `^export (?:declare )?(?:abstract class|class|async function\\*?|function\\*?|interface|type|const) ${name}\\b`,
      'm',
    ).exec(text)
    if (own !== null) return { file, documented: /\*\/\n$/.test(text.slice(0, own.index)) }
    for (const { from, names } of reExports(file, text)) {
      const original = names.get(name)
      if (original !== undefined) return declaration(from, original)
    }
    return undefined
  }

  const publicNames = entryPoints.flatMap((entry) =>
    reExports(entry, read(entry)).flatMap(({ names }) => [...names.keys()].map((name) => ({ entry, name }))),
  )

  it('are many, and each once', () => {
    const names = publicNames.map(({ entry, name }) => `${entry} ${name}`)
    expect(names.length).toBeGreaterThan(50)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('have doc comments', () => {
    const bare = publicNames.flatMap(({ entry, name }) => {
      const found = declaration(entry, name)
      if (found === undefined) return [`${entry}: ${name} is not found`]
      return found.documented ? [] : [`${found.file}: ${name}`]
    })
    expect(bare).toEqual([])
  })
})

interface ReExport {
  readonly from: string
  /** By public name, the name in that module. */
  readonly names: ReadonlyMap<string, string>
}

function reExports(file: string, text: string): ReExport[] {
  return Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\} from '(\.[^']+)'/gm), ([, list = '', from = '']) => ({
    from: posix.join(posix.dirname(file), from),
    names: new Map(
      list
        .split(',')
        .map((item) => item.trim().replace(/^type /, ''))
        .filter((item) => item !== '')
        .map((item) => {
          const [original = '', exported = original] = item.split(' as ')
          return [exported, original] as const
        }),
    ),
  }))
}
