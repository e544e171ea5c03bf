import { PortError } from '../../../errors.ts'

/** A link of a `Link` header about the resource itself. */
export interface Link {
  /** As written: absolute or relative. */
  readonly target: string
  /** Its relations, in lower case. */
  readonly rels: readonly string[]
}

const target = /[\s,]*<([^>]*)>/y
// Name, quoted value, bare value: all optional, as RFC 8288 has it.
const parameter = /\s*;\s*(?:([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?/y
const end = /\s*(?:,|$)/y

/**
 * The links of a `Link` header, by the algorithm in RFC 8288, appendix B. Links about another resource (`anchor`) are left out.
 *
 * Own code, as the parsers on npm lose a relation that follows a parameter without a value (http-link-header 1.1.4, li 1.3.0),
 * and a lost `next` is a silent end in the midst of the data.
 * @throws PortError
 */
export function parseLinks(header: string): readonly Link[] {
  const links: Link[] = []
  let at = 0
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(header)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  while (/[^\s,]/.test(header.slice(at))) {
    const found = read(target)
    if (found === null) throw refuse(at)
    const parameters = new Map<string, string>()
    for (let next = read(parameter); next !== null; next = read(parameter)) {
      const [, name, quoted, bare = ''] = next
      // Of several parameters of a name the first counts.
      if (name === undefined || parameters.has(name.toLowerCase())) continue
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare)
    }
    if (read(end) === null) throw refuse(at)
    if (parameters.has('anchor')) continue
    const rels = (parameters.get('rel') ?? '').toLowerCase().split(/\s+/)
    links.push({ target: found[1] ?? '', rels: rels.filter((rel) => rel !== '') })
  }
  return links
}

function refuse(at: number): PortError {
  return new PortError(`expected a Link header as in <url>; rel="next", found something else at character ${at + 1}`)
}
