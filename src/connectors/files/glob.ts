// Chosen for its patterns, which are Node's (whose own `path.matchesGlob` compiles at each path, and is experimental in Node 22); others read `+` as a repetition.
import { Minimatch } from 'minimatch'
import { OptionError } from '../../errors.ts'

/** A pattern of paths below a folder. */
export interface Glob {
  readonly matches: (path: string) => boolean
  /** How many folders deep a match can lie; `Infinity` with `**`. */
  readonly depth: number
}

/** Brackets within brackets take seconds from a few thousand on. */
const longest = 1_000
/** Each is compiled, and tried on each path. */
const mostPatterns = 10_000

/**
 * Compiles a pattern: `*` (not across folders), `**` (any number of folders), `?`, `{a,b}`, `[a-z]`, `[!a-z]`. Case counts. Compiled once, for all paths.
 * @throws OptionError for braces or brackets without an end, for `..`, and for a pattern that would take long to compile.
 */
export function compileGlob(pattern: string): Glob {
  if (pattern.startsWith('/') || /(^|\/)\.\.?(\/|$)/.test(pattern))
    throw new OptionError(
      `files: option "glob" must be a pattern below "path", such as "**/*.jsonl", and it is ${JSON.stringify(pattern)}`,
    )
  if (pattern.length > longest)
    throw new OptionError(`files: option "glob" may have ${longest} characters, and it has ${pattern.length}`)
  for (const [open, close] of [
    ['{', '}'],
    ['[', ']'],
  ] as const)
    if (pattern.lastIndexOf(open) > pattern.lastIndexOf(close))
      throw new OptionError(
        `files: option "glob" has a ${JSON.stringify(open)} without an end: ${JSON.stringify(pattern)}`,
      )
  const compiled = new Minimatch(pattern, {
    dot: true,
    noext: true,
    nonegate: true,
    nocomment: true,
    braceExpandMax: 2 * mostPatterns,
  })
  // It leaves out what is more, and files of those names would never be read.
  if (compiled.globSet.length > mostPatterns)
    throw new OptionError(
      `files: option "glob" has braces for more than ${mostPatterns} patterns: ${JSON.stringify(pattern)}; "*" or [0-9] may say the same`,
    )
  return {
    matches: (path) => compiled.match(path),
    depth: pattern.includes('**') ? Infinity : Math.max(...compiled.set.map((parts) => parts.length - 1)),
  }
}
