import type { SchemaError } from '../errors.ts'
import { type DataType, decimalMistake, duplicateName, type Field, type SimpleKind } from './data-type.ts'
import { type DdlSource, ddlError, type Token, tokenize } from './ddl-tokens.ts'

/**
 * Parses `name type [NOT NULL] [COMMENT 'text'], …` by the grammar of Spark's SQL; `name: type` too, in structs and at the top.
 * @throws SchemaError that says where and what was expected.
 */
export function parseDdl(ddl: string): readonly Field[] {
  const reader = new Reader({ text: ddl, where: 'schema' })
  const fields = readFields(reader)
  reader.end('expected a comma or the end of the schema')
  return fields
}

/**
 * Parses one type, e.g. `array<decimal(10,2)>`.
 * @param where what an error begins with.
 */
export function parseTypeText(text: string, where: string): DataType {
  const reader = new Reader({ text, where })
  const type = readType(reader)
  reader.end('expected the end of the type')
  return type
}

const deepest = 100

class Reader {
  readonly #source: DdlSource
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(source: DdlSource) {
    this.#source = source
    this.#tokens = tokenize(source)
  }

  get token(): Token {
    return this.#tokens[this.#next] as Token
  }

  /** Reads what lies within a type. */
  within<T>(read: (reader: Reader) => T): T {
    // Deeper ones would overflow the stack, here or where their rows are checked.
    if (this.#depth >= deepest) throw this.fail(`expected types in types no more than ${deepest} deep`)
    this.#depth++
    const result = read(this)
    this.#depth--
    return result
  }

  /** Steps over the current token; never beyond the end. */
  take(): Token {
    const { token } = this
    if (token.kind !== 'end') this.#next++
    return token
  }

  isKeyword(keyword: string): boolean {
    return this.token.kind === 'word' && this.token.value.toLowerCase() === keyword
  }

  isMark(mark: string): boolean {
    return this.token.kind === 'mark' && this.token.value === mark
  }

  skipMark(mark: string): boolean {
    const found = this.isMark(mark)
    if (found) this.take()
    return found
  }

  mark(mark: string, where: string): void {
    if (!this.skipMark(mark)) throw this.fail(`expected '${mark}' ${where}`)
  }

  integer(what: string): number {
    if (this.token.kind !== 'integer') throw this.fail(`expected ${what}`)
    return Number(this.take().value)
  }

  end(message: string): void {
    if (this.token.kind !== 'end') throw this.fail(message)
  }

  /** An error at the current token, which it quotes. */
  fail(message: string): SchemaError {
    const { kind, value, at } = this.token
    return ddlError(this.#source, at, `${message}, found ${kind === 'end' ? 'the end' : JSON.stringify(value)}`)
  }

  /** An error at a token before the current one. */
  failAt(token: Token, message: string): SchemaError {
    return ddlError(this.#source, token.at, message)
  }
}

function readFields(reader: Reader): readonly Field[] {
  const start = reader.token
  const fields: Field[] = []
  do {
    fields.push(readField(reader))
  } while (reader.skipMark(','))
  const duplicate = duplicateName(fields)
  if (duplicate !== undefined)
    throw reader.failAt(start, `column ${JSON.stringify(duplicate)} stands twice (letter case doesn't count)`)
  return fields
}

function readField(reader: Reader): Field {
  const name = readName(reader)
  reader.skipMark(':')
  const type = readType(reader)
  const nullable = !reader.isKeyword('not')
  if (!nullable) {
    reader.take()
    if (!reader.isKeyword('null')) throw reader.fail("expected 'null' after 'not'")
    reader.take()
  }
  if (!reader.isKeyword('comment')) return { name, type, nullable }
  reader.take()
  if (reader.token.kind !== 'text') throw reader.fail('expected the text of a comment in quotes')
  return { name, type, nullable, comment: reader.take().value }
}

/** Words that Spark's lexer takes for numbers: `1L`, `2e5`, `3BD`, … */
const numeral = /^[0-9]+(?:[lsy]|e[0-9]+|(?:e[0-9]+)?(?:f|d|bd))$/i

function readName(reader: Reader): string {
  const { kind, value } = reader.token
  if (kind !== 'quoted' && kind !== 'word') throw reader.fail('expected a column name')
  if (value === '') throw reader.fail('expected a name that is not empty')
  if (kind === 'word' && (!/^[A-Za-z0-9_]+$/.test(value) || numeral.test(value))) {
    throw reader.fail('expected a column name; names like this one stand in backquotes')
  }
  return reader.take().value
}

const kindsByName = new Map<string, SimpleKind>([
  ['boolean', 'boolean'],
  ['tinyint', 'tinyint'],
  ['byte', 'tinyint'],
  ['smallint', 'smallint'],
  ['short', 'smallint'],
  ['int', 'int'],
  ['integer', 'int'],
  ['bigint', 'bigint'],
  ['long', 'bigint'],
  ['float', 'float'],
  ['real', 'float'],
  ['double', 'double'],
  ['string', 'string'],
  ['binary', 'binary'],
  ['date', 'date'],
  ['timestamp', 'timestamp'],
  ['timestamp_ltz', 'timestamp'],
])

const readersByName = new Map<string, (reader: Reader) => DataType>([
  ['decimal', readDecimal],
  ['dec', readDecimal],
  ['numeric', readDecimal],
  ['varchar', (reader) => ({ kind: 'varchar', length: readLength(reader) })],
  ['char', (reader) => ({ kind: 'char', length: readLength(reader) })],
  ['character', (reader) => ({ kind: 'char', length: readLength(reader) })],
  ['array', readArray],
  ['map', readMap],
  ['struct', readStruct],
])

/** What an error proposes: every type by its first name. */
const typeNames =
  'boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), string, varchar(n), char(n), binary, date, timestamp, array<…>, map<string, …> or struct<…>'

function readType(reader: Reader): DataType {
  const { kind, value } = reader.token
  const name = kind === 'word' ? value.toLowerCase() : ''
  const simple = kindsByName.get(name)
  if (simple !== undefined) {
    const token = reader.take()
    if (simple === 'timestamp' && reader.isKeyword('without')) throw reader.failAt(token, withoutZone)
    return { kind: simple }
  }
  const read = readersByName.get(name)
  if (read !== undefined) {
    reader.take()
    return reader.within(read)
  }
  throw name === 'timestamp_ntz'
    ? reader.failAt(reader.token, withoutZone)
    : reader.fail(`expected a type (${typeNames})`)
}

const withoutZone =
  'timestamps without a time zone (timestamp_ntz) are not supported, since a Date is an instant; use timestamp'

function readDecimal(reader: Reader): DataType {
  const start = reader.token
  let precision = 10
  let scale = 0
  if (reader.skipMark('(')) {
    precision = reader.integer('the precision of a decimal')
    if (reader.skipMark(',')) scale = reader.integer('the scale of a decimal')
    reader.mark(')', 'after the parameters of a decimal')
  }
  const mistake = decimalMistake(precision, scale)
  if (mistake !== undefined) throw reader.failAt(start, `expected ${mistake}, found decimal(${precision},${scale})`)
  return { kind: 'decimal', precision, scale }
}

function readLength(reader: Reader): number {
  reader.mark('(', 'and a length: varchar(n), char(n)')
  const length = reader.integer('a length')
  reader.mark(')', 'after the length')
  return length
}

function readArray(reader: Reader): DataType {
  reader.mark('<', 'and the type of the elements: array<…>')
  const element = readType(reader)
  reader.mark('>', 'after the type of the elements')
  return { kind: 'array', element }
}

function readMap(reader: Reader): DataType {
  reader.mark('<', 'and the types of keys and values: map<string, …>')
  if (!reader.isKeyword('string'))
    throw reader.fail("expected 'string': other keys are not supported, since a row holds a map as an object")
  reader.take()
  reader.mark(',', 'after the type of the keys')
  const value = readType(reader)
  reader.mark('>', 'after the type of the values')
  return { kind: 'map', value }
}

function readStruct(reader: Reader): DataType {
  reader.mark('<', 'and the fields: struct<name: type, …>')
  if (reader.skipMark('>')) return { kind: 'struct', fields: [] }
  const fields = readFields(reader)
  reader.mark('>', 'or a comma after a field of a struct')
  return { kind: 'struct', fields }
}
