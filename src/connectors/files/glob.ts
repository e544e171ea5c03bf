// Chosen for its patterns, which are Node's (whose own `path.matchesGlob` compiles at each path, and is experimental in Node 22); others read `+` as a repetition.
import { Minimatch } from 'minimatch'
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
  for (const [open, close] of [
    ['{', '}'],
    ['[', ']'],
  ] as const)
    if (pattern.lastIndexOf(open) > pattern.lastIndexOf(close))
      throw new OptionError(
        `files: option "glob" has a ${JSON.stringify(open)} without an end: ${JSON.stringify(pattern)}`,
      )
  const compiled = new Minimatch(pattern, { dot: true, noext: true, nonegate: true, nocomment: true })
  return {
    matches: (path) => compiled.match(path),
    depth: pattern.includes('**') ? Infinity : Math.max(...compiled.set.map((parts) => parts.length - 1)),
  }
}
