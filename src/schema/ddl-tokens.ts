import { SchemaError } from '../errors.ts'

/** A text to parse, and what errors about it begin with. */
export interface DdlSource {
  readonly text: string
  readonly where: string
}

export interface Token {
  readonly kind: 'word' | 'integer' | 'quoted' | 'text' | 'mark' | 'end'
  /** The value: names without their backquotes, texts without their quotes and escapes. */
  readonly value: string
  /** Offset into the DDL. */
  readonly at: number
}

/** Spaces, `-- line` and bracketed comments. */
const ignored = /(?:[ \t\r\n]+|--[^\r\n]*|\/\*[\s\S]*?\*\/)+/y

/** A word, a name in backquotes, a text in single or double quotes (perhaps raw), a mark. In the order of precedence. */
const token =
  /(?<raw>r'[^']*'|r"[^"]*")|(?<word>[\p{L}\p{N}_]+)|`(?<quoted>(?:[^`]|``)*)`|(?<text>'(?:\\[\s\S]|''|[^'\\])*'|"(?:\\[\s\S]|""|[^"\\])*")|(?<mark>[<>(),:])/iuy

/**
 * Cuts a DDL text into tokens, as Spark's lexer does for the part of its SQL that schemas use.
 * @throws SchemaError for a character that starts no token.
 */
export function tokenize(source: DdlSource): readonly Token[] {
  const { text } = source
  const tokens: Token[] = []
  let at = 0
  while (true) {
    at = endOf(ignored, text, at)
    if (at === text.length) return [...tokens, { kind: 'end', value: '', at }]
    token.lastIndex = at
    const groups = token.exec(text)?.groups
    if (groups === undefined) throw unexpected(source, at)
    tokens.push({ ...readToken(groups), at })
    at = token.lastIndex
  }
}

/** A {@link SchemaError} that shows where in the DDL it is. */
export function ddlError({ text, where }: DdlSource, at: number, message: string): SchemaError {
  const lines = text.slice(0, at).split('\n')
  const line = lines.at(-1) ?? ''
  const before = line.length > 30 ? `…${line.slice(-30)}` : line
  const place = `line ${lines.length}, column ${line.length + 1}`
  return new SchemaError(
    `${where}: ${message}, at ${place}${before.trim() === '' ? '' : ` (after ${JSON.stringify(before)})`}`,
  )
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

function readToken(groups: Readonly<Record<string, string | undefined>>): Pick<Token, 'kind' | 'value'> {
  const { raw, word, quoted, text, mark } = groups
  if (raw !== undefined) return { kind: 'text', value: raw.slice(2, -1) }
  if (word !== undefined) return { kind: /^[0-9]+$/.test(word) ? 'integer' : 'word', value: word }
  if (quoted !== undefined) return { kind: 'quoted', value: quoted.replaceAll('``', '`') }
  if (text !== undefined) return { kind: 'text', value: unescapeText(text) }
  return { kind: 'mark', value: mark ?? '' }
}

function unexpected(source: DdlSource, at: number): SchemaError {
  const character = String.fromCodePoint(source.text.codePointAt(at) ?? 0)
  if (character === '`') return ddlError(source, at, 'expected the closing backquote of a name')
  if (character === "'" || character === '"') return ddlError(source, at, 'expected the closing quote of a comment')
  return ddlError(
    source,
    at,
    `unexpected ${JSON.stringify(character)}; names with other characters than letters, digits and _ stand in backquotes`,
  )
}

const escapes: Readonly<Record<string, string>> = {
  0: '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  '%': '\\%',
  _: '\\_',
}

/** Spark's escapes: \n and the like, \uXXXX, \UXXXXXXXX, three octal digits; a doubled quote; any other character stands for itself. */
function unescapeText(literal: string): string {
  const quote = literal.charAt(0)
  return literal
    .slice(1, -1)
    .replace(
      /\\(?:u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|([01][0-7]{2})|([\s\S]))|''|""/g,
      (all, unit, point, octal, character) => {
        if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16))
        if (point !== undefined) return String.fromCodePoint(Number.parseInt(point, 16))
        if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
        if (character !== undefined) return escapes[character] ?? character
        return all.charAt(0) === quote ? quote : all
      },
    )
}
