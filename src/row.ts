/**
 * What a row may be: a plain object. Arrays and promises (and other things that iterate or name their own kind) are not rows,
 * and saying so is a compile error. Types of rows are bounded by this where users' functions make them.
 */
export type RowShape = object & { readonly [Symbol.iterator]?: never; readonly [Symbol.toStringTag]?: never }

/** Whether rows have a column that is needed. */
type Has<Row, Name, Type> = Name extends keyof Row
  ? Row[Name] extends Type
    ? true
    : false
  : undefined extends Type
    ? true
    : false

/** An object type of the columns that a sink needs and the rows lack, or have with another type. */
type Lacking<Row, Needed> = {
  [Name in keyof Needed as string extends Name ? never : Has<Row, Name, Needed[Name]> extends true ? never : Name]: 0
} & (string extends keyof Needed
  ? { [Name in keyof Row as Has<Row, Name, Needed[Name & keyof Needed]> extends true ? never : Name]: 0 }
  : unknown)

/** `unknown` when nothing is lacking; else something that no argument has, and that says what is. */
export type HasColumns<Row, Needed> = [keyof Lacking<Row, Needed>] extends [never]
  ? unknown
  : { readonly 'the rows lack these columns, or have them with another type': keyof Lacking<Row, Needed> }

/** The same for columns that the rows have and the schema doesn't. */
export type NoOtherColumns<Row, Stated> = [Exclude<keyof Row, keyof Stated>] extends [never]
  ? unknown
  : { readonly 'the rows have columns that the schema lacks': keyof Omit<Row, keyof Stated> }
