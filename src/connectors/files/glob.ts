import { OptionError } from '../../errors.ts'

/** A pattern of paths below a folder. */
export interface Glob {
  readonly matches: (path: string) => boolean
  /** How many folders deep a match can lie; `Infinity` with `**`. */
  readonly depth: number
}

/**
 * Compiles a pattern: `*` (not across folders), `**` (any number of folders), `?`, `{a,b}`, `[a-z]`, `[!a-z]`. Case counts. Compiled once, for all paths.
 * @throws OptionError for braces or brackets without an end, and for `..`.
 */
export function compileGlob(pattern: string): Glob {
  if (pattern.startsWith('/') || /(^|\/)\.\.?(\/|$)/.test(pattern))
    throw new OptionError(
      `files: option "glob" must be a pattern below "path", such as "**/*.jsonl", and it is ${JSON.stringify(pattern)}`,
    )
  const expression = new RegExp(`^${translate(pattern)}$`, 'su')
  const deep = pattern.includes('**')
  return {
    matches: (path) => expression.test(path),
    depth: deep ? Infinity : Math.max(...expand(pattern).map((one) => one.split('/').length - 1)),
  }
}

function translate(pattern: string): string {
  let out = ''
  let braces = 0
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] as string
    if (pattern.startsWith('**/', i) && (i === 0 || /[/{,]/.test(pattern[i - 1] as string))) {
      out += '(?:[^/]+/)*'
      i += 2
    } else if (pattern.startsWith('**', i)) {
      out += '.*'
      i++
    } else if (character === '*') out += '[^/]*'
    else if (character === '?') out += '[^/]'
    else if (character === '[') {
      const end = pattern.indexOf(']', i + 2)
      if (end < 0) throw unfinished(pattern, '[')
      const inside = pattern.slice(i + 1, end).replace(/[\\\]^[]/g, '\\$&')
      out += inside.startsWith('!') ? `[^/${inside.slice(1)}]` : `(?!/)[${inside}]`
      i = end
    } else if (character === '{') {
      braces++
      out += '(?:'
    } else if (character === '}' && braces > 0) {
      braces--
      out += ')'
    } else if (character === ',' && braces > 0) out += '|'
    else out += character.replace(/[\\^$.|+()[\]{}/-]/, (found) => (found === '-' ? '-' : `\\${found}`))
  }
  if (braces > 0) throw unfinished(pattern, '{')
  return out
}

/** The pattern with each alternative of its braces, to count folders. */
function expand(pattern: string): string[] {
  const found = /\{([^{}]*)\}/.exec(pattern)
  if (found === null) return [pattern]
  const [whole, inside = ''] = found
  return inside.split(',').flatMap((one) => expand(pattern.replace(whole, () => one)))
}

function unfinished(pattern: string, bracket: string): OptionError {
  return new OptionError(
    `files: option "glob" has a ${JSON.stringify(bracket)} without an end: ${JSON.stringify(pattern)}`,
  )
}
