import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The imported file, for a relative specifier. */
  readonly file: string | undefined
  /** Gone at run time. */
  readonly typeOnly: boolean
  /** An `import()`: loaded only when it is asked for. */
  readonly dynamic: boolean
}

export interface Module {
  /** Relative to the project, with slashes. */
  readonly file: string
  readonly text: string
  /** The same without comments and without the text of strings. */
  readonly code: string
  readonly imports: readonly Import[]
}

export function read(file: string): string {
  return readFileSync(`${root}${file}`, 'utf8')
}

export function filesIn(folder: string, ending = '.ts'): readonly string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith(ending))
    .sort()
}

export function moduleOf(file: string, text: string): Module {
  return { file, text, code: withoutCommentsAndStrings(text), imports: importsOf(file, text) }
}

export function modulesIn(...folders: readonly string[]): readonly Module[] {
  return folders.flatMap((folder) => filesIn(folder)).map((file) => moduleOf(file, read(file)))
}

// The formatter puts every statement at the start of a line, and a comment's lines begin with something else.
const statement =
  /^(?:import|export)(?<type> type)? (?:(?:\*(?: as \w+)?|[\w$, ]*\{[^}]*\}|[\w$]+) from )?'(?<from>[^']+)'/gm
const call = /\bimport\(\s*'(?<from>[^']+)'\s*\)/g

function importsOf(file: string, text: string): Import[] {
  const plain = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
  const toImport = (from: string, typeOnly: boolean, dynamic: boolean): Import => ({
    specifier: from,
    file: from.startsWith('.') ? posix.join(posix.dirname(file), from) : undefined,
    typeOnly,
    dynamic,
  })
  return [
    ...Array.from(plain.matchAll(statement), ({ groups }) =>
      toImport(groups?.from ?? '', groups?.type !== undefined, false),
    ),
    ...Array.from(plain.matchAll(call), ({ groups }) => toImport(groups?.from ?? '', false, true)),
  ]
}

function withoutCommentsAndStrings(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, (found) => {
    if (found.startsWith('/')) return ' '
    return found.startsWith('`') ? `\`${found.match(/\$\{[^}]*\}/g)?.join('') ?? ''}\`` : "''"
  })
}
