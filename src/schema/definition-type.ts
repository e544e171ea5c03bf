import type { DataType, SimpleKind } from './data-type.ts'
import type { DdlError, RowOfDdl, SimpleValues, ValueOfTypeText } from './ddl-type.ts'
import type { FieldDefinition } from './definition.ts'

/** What a schema is made from: DDL, or its columns. */
export type SchemaDefinition = string | readonly FieldDefinition[]

/** The row that a definition describes. */
export type RowOfDefinition<Definition extends SchemaDefinition> = Definition extends string
  ? RowOfDdl<Definition>
  : Definition extends readonly FieldDefinition[]
    ? RowOfFields<Definition>
    : never

/** `unknown` for a good definition, so that it changes nothing in an intersection; else a {@link DdlError} that says what is wrong. */
export type Checked<Definition extends SchemaDefinition> = Definition extends string
  ? ErrorIn<RowOfDdl<Definition>>
  : Definition extends readonly FieldDefinition[]
    ? [FieldErrors<Definition>] extends [never]
      ? unknown
      : FieldErrors<Definition>
    : unknown

type ErrorIn<Read> = Read extends DdlError<infer Message> ? DdlError<Message> : unknown

type RowOfFields<Fields extends readonly FieldDefinition[]> = string extends Fields[number]['name']
  ? Record<string, unknown>
  : { [F in Fields[number] as F['name']]: ValueOf<F['type']> | (F extends { readonly nullable: false } ? never : null) }

/** A type known only at run time is a {@link DataType} as a whole, and could be any. */
type ValueOf<Type> = [DataType] extends [Type]
  ? unknown
  : Type extends string
    ? ValueOfTypeText<Type>
    : Type extends { readonly kind: 'array'; readonly element: infer Element }
      ? (ValueOf<Element> | null)[]
      : Type extends { readonly kind: 'map'; readonly value: infer Value }
        ? Record<string, ValueOf<Value> | null>
        : Type extends { readonly kind: 'struct'; readonly fields: infer Fields extends readonly FieldDefinition[] }
          ? RowOfFields<Fields>
          : Type extends { readonly kind: infer Kind extends SimpleKind }
            ? SimpleValues[Kind]
            : string

type FieldErrors<Fields extends readonly FieldDefinition[]> = string extends Fields[number]['name']
  ? never
  : Fields[number] extends infer Field
    ? Field extends { readonly name: infer Name extends string; readonly type: infer Type }
      ? Named<Name, TypeErrors<Type> | Unknown<Exclude<keyof Field, keyof FieldDefinition>>>
      : never
    : never

/** The property is inferred with the rest, so the checker's own test for excess properties never sees it. */
type Unknown<Property> = Property extends string ? DdlError<`unknown property '${Property}'`> : never

type Named<Name extends string, Errors> =
  Errors extends DdlError<infer Message> ? DdlError<`column '${Name}': ${Message}`> : never

type TypeErrors<Type> = [DataType] extends [Type]
  ? never
  : Type extends string
    ? Extract<ValueOfTypeText<Type>, DdlError>
    : Type extends { readonly kind: 'array'; readonly element: infer Element }
      ? TypeErrors<Element>
      : Type extends { readonly kind: 'map'; readonly value: infer Value }
        ? TypeErrors<Value>
        : Type extends { readonly kind: 'struct'; readonly fields: infer Fields extends readonly FieldDefinition[] }
          ? FieldErrors<Fields>
          : never
