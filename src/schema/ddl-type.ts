/**
 * Spark's DDL read by the type checker: the same grammar as `ddl-parser.ts`, one type for each of its rules.
 * A rule answers `[result, rest of the text]`, or a {@link DdlError}. Columns are read tail-recursively (up to about 1000 in one schema).
 *
 * Where the text says less to the type checker than to the parser (digits of a `decimal`, duplicate names), the parser decides.
 */
export interface DdlError<Message extends string = string> {
  readonly '~error': Message
}

/** The row that a DDL text describes, or a {@link DdlError}. A text known only at run time gives `Record<string, unknown>`. */
export type RowOfDdl<Ddl extends string> =
  Empty extends Record<Ddl, 1>
    ? Record<string, unknown>
    : Columns<Ddl, ''> extends infer Read
      ? Read extends [infer Row, string]
        ? Row
        : Read
      : never

/** The value that the text of one type describes, or a {@link DdlError}. */
export type ValueOfTypeText<Text extends string> =
  Empty extends Record<Text, 1>
    ? unknown
    : Type<Text> extends infer Read
      ? Read extends [infer Value, infer Rest extends string]
        ? Skip<Rest> extends ''
          ? Value
          : DdlError<`expected the end of the type, found ${Found<Skip<Rest>>}`>
        : Read
      : never

/** `{}`. Only of a text that isn't a literal is it known to have all properties. */
type Empty = Record<never, never>

/** The values of the types that take no parameters. */
export interface SimpleValues {
  boolean: boolean
  tinyint: number
  byte: number
  smallint: number
  short: number
  int: number
  integer: number
  bigint: bigint
  long: bigint
  float: number
  real: number
  double: number
  string: string
  binary: Uint8Array
  date: Date
  timestamp: Date
  timestamp_ltz: Date
  decimal: string
  dec: string
  numeric: string
}

/** The types that need a length. */
type Sized = 'varchar' | 'char' | 'character'

type Space = ' ' | '\n' | '\t' | '\r'

type Punctuation = '<' | '>' | '(' | ')' | ',' | ':' | '`' | "'" | '"' | '-' | '/' | Space

/** Spaces and SQL comments. */
type Skip<S extends string> = S extends `${Space}${infer R}`
  ? Skip<R>
  : S extends `--${infer R}`
    ? R extends `${string}\n${infer Next}`
      ? Skip<Next>
      : ''
    : S extends `/*${string}*/${infer R}`
      ? Skip<R>
      : S

type Word<S extends string, Read extends string = ''> = S extends `${infer C}${infer R}`
  ? C extends Punctuation
    ? [Read, S]
    : Word<R, `${Read}${C}`>
  : [Read, '']

/** What an error quotes: the next word, or the next character. */
type Found<S extends string> = S extends ''
  ? 'the end'
  : Word<S> extends [infer W extends string, string]
    ? W extends ''
      ? S extends `${infer C}${string}`
        ? `'${C}'`
        : never
      : `'${W}'`
    : never

type Name<S extends string> = S extends `\`${infer R}`
  ? Quoted<R>
  : Word<S> extends [infer W extends string, infer R extends string]
    ? W extends ''
      ? DdlError<`expected a column name, found ${Found<S>}`>
      : [W, R]
    : never

/** A name in backquotes, after the first of them. A doubled backquote stands for one. */
type Quoted<S extends string, Read extends string = ''> = S extends `${infer A}\`${infer R}`
  ? R extends `\`${infer More}`
    ? Quoted<More, `${Read}${A}\``>
    : [`${Read}${A}`, R]
  : DdlError<'expected the closing backquote of a name'>

type Columns<S extends string, End extends '' | '>', Pairs extends [string, unknown] = never> =
  Column<Skip<S>> extends infer Read
    ? Read extends [infer Pair extends [string, unknown], infer Rest extends string]
      ? Rest extends `,${infer More}`
        ? Columns<More, End, Pairs | Pair>
        : AtEnd<Rest, End> extends [infer After]
          ? [{ [P in Pairs | Pair as P[0]]: P[1] }, After]
          : DdlError<`expected a comma or the end after column '${Pair[0]}', found ${Found<Rest>}`>
      : Read
    : never

type AtEnd<S extends string, End extends '' | '>'> = End extends ''
  ? S extends ''
    ? ['']
    : undefined
  : S extends `>${infer R}`
    ? [R]
    : undefined

type Column<S extends string> =
  Name<S> extends infer Read
    ? Read extends [infer N extends string, infer R extends string]
      ? Typed<N, Type<Colon<Skip<R>>>>
      : Read
    : never

type Colon<S extends string> = S extends `:${infer R}` ? R : S

type Typed<N extends string, Read> = Read extends [infer Value, infer R extends string]
  ? NotNull<Skip<R>> extends [infer Null, infer Rest extends string]
    ? Comment<Rest> extends infer After
      ? After extends string
        ? [[N, Value | Null], After]
        : After
      : never
    : DdlError<`expected 'null' after 'not' of column '${N}'`>
  : Read extends DdlError<infer Message>
    ? DdlError<`column '${N}': ${Message}`>
    : never

/** `[never, rest]` for a column that is never null, else `[null, rest]`. */
type NotNull<S extends string> =
  Word<S> extends [infer W extends string, infer R extends string]
    ? Lowercase<W> extends 'not'
      ? Word<Skip<R>> extends [infer Null extends string, infer Rest extends string]
        ? Lowercase<Null> extends 'null'
          ? [never, Skip<Rest>]
          : undefined
        : never
      : [null, S]
    : never

/** The text after an optional comment. */
type Comment<S extends string> =
  Word<S> extends [infer W extends string, infer R extends string]
    ? Lowercase<W> extends 'comment'
      ? Text<Skip<R>>
      : S
    : never

type Text<S extends string> = S extends `r'${infer R}` | `R'${infer R}`
  ? RawText<R, "'">
  : S extends `r"${infer R}` | `R"${infer R}`
    ? RawText<R, '"'>
    : S extends `'${infer R}`
      ? QuotedText<R, "'">
      : S extends `"${infer R}`
        ? QuotedText<R, '"'>
        : DdlError<`expected the text of a comment, found ${Found<S>}`>

type RawText<S extends string, Q extends string> = S extends `${string}${Q}${infer R}` ? Skip<R> : Unclosed

type QuotedText<S extends string, Q extends string> = S extends `${infer A}${Q}${infer R}`
  ? Escapes<A> extends true
    ? QuotedText<R, Q>
    : R extends `${Q}${infer More}`
      ? QuotedText<More, Q>
      : Skip<R>
  : Unclosed

/** Whether a text ends in a backslash that escapes what follows. */
type Escapes<S extends string> = S extends `${infer A}\\\\` ? Escapes<A> : S extends `${string}\\` ? true : false

type Unclosed = DdlError<'expected the closing quote of a comment'>

type Type<S extends string> =
  Word<Skip<S>> extends [infer W extends string, infer R extends string]
    ? Lowercase<W> extends keyof SimpleValues
      ? [SimpleValues[Lowercase<W>], Parameters<Lowercase<W>, Skip<R>>]
      : Lowercase<W> extends Sized
        ? Skip<R> extends `(${string})${infer Rest}`
          ? [string, Rest]
          : DdlError<`expected the length of '${W}', found ${Found<Skip<R>>}`>
        : Lowercase<W> extends 'array'
          ? ArrayOf<Open<R>>
          : Lowercase<W> extends 'struct'
            ? StructOf<Open<R>>
            : Lowercase<W> extends 'map'
              ? MapOf<Open<R>>
              : Lowercase<W> extends 'timestamp_ntz'
                ? DdlError<"'timestamp_ntz' is not supported, use 'timestamp'">
                : DdlError<W extends '' ? `expected a type, found ${Found<Skip<S>>}` : `unknown type '${W}'`>
    : never

type Parameters<W extends string, S extends string> = W extends 'decimal' | 'dec' | 'numeric'
  ? S extends `(${string})${infer R}`
    ? R
    : S
  : S

/** The text after `<`. */
type Open<S extends string> =
  Skip<S> extends infer Next extends string
    ? Next extends `<${infer R}`
      ? R
      : DdlError<`expected '<', found ${Found<Next>}`>
    : never

/** The text after `>`, with what was read before it. */
type Close<Value, S extends string> =
  Skip<S> extends infer Next extends string
    ? Next extends `>${infer R}`
      ? [Value, R]
      : DdlError<`expected '>', found ${Found<Next>}`>
    : never

type ArrayOf<S> = S extends string
  ? Type<S> extends infer Read
    ? Read extends [infer Element, infer R extends string]
      ? Close<(Element | null)[], R>
      : Read
    : never
  : S

type StructOf<S> = S extends string ? (Skip<S> extends `>${infer R}` ? [Empty, R] : Columns<S, '>'>) : S

type MapOf<S> = S extends string
  ? Word<Skip<S>> extends [infer Key extends string, infer R extends string]
    ? Lowercase<Key> extends 'string'
      ? Skip<R> extends `,${infer Next}`
        ? Type<Next> extends infer Read
          ? Read extends [infer Value, infer After extends string]
            ? Close<Record<string, Value | null>, After>
            : Read
          : never
        : DdlError<`expected a comma after the key type of a map, found ${Found<Skip<R>>}`>
      : DdlError<`the keys of a map must be 'string', found ${Found<Skip<S>>}`>
    : never
  : S
