/**
 * What a row may be: a plain object. Arrays and promises (and other things that iterate or name their own kind) are not rows,
 * and saying so is a compile error. Types of rows are bounded by this where users' functions make them.
 */
export type RowShape = object & { readonly [Symbol.iterator]?: never; readonly [Symbol.toStringTag]?: never }

type Lacking<Row, Needed, Name extends keyof Needed> = Name extends keyof Row
  ? Row[Name] extends Needed[Name]
    ? never
    : Name
  : undefined extends Needed[Name]
    ? never
    : Name

/** The columns that a type names, without an index signature. */
type NamedColumns<Row> = keyof { [Name in keyof Row as string extends Name ? never : Name]: unknown } & string

/** The names of the columns that a sink needs and the rows lack, or have with another type. */
export type LackingColumns<Row, Needed> =
  | {
      [Name in NamedColumns<Needed>]: Name extends keyof Needed ? Lacking<Row, Needed, Name> : never
    }[NamedColumns<Needed>]
  | (string extends keyof Needed
      ? { [Name in NamedColumns<Row>]: Lacking<Row, Needed, Name & keyof Needed> }[NamedColumns<Row>]
      : never)

/** `unknown` when nothing is lacking; else something that no argument has, and that says what is. */
export type HasColumns<Row, Needed> = [LackingColumns<Row, Needed>] extends [never]
  ? unknown
  : { readonly 'the rows lack these columns, or have them with another type': LackingColumns<Row, Needed> }

/** The same for columns that the rows have and the schema doesn't. */
export type NoOtherColumns<Row, Stated> = [Exclude<keyof Row, keyof Stated>] extends [never]
  ? unknown
  : { readonly 'the rows have columns that the schema lacks': Exclude<keyof Row, keyof Stated> }
