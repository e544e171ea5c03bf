import fc from 'fast-check'
import type { DataType, Field } from '../../src/schema/data-type.ts'
import type { LeafType } from '../../src/schema/leaf-check.ts'

/** Plain names, keywords, and names that need backquotes. */
const name = fc.oneof(
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,7}$/),
  fc.constantFrom('not', 'null', 'comment', 'struct', 'int', '1', '1L', '2e5', 'é', 'constructor', '__proto__'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('`', ' ', ',', '>', "'", '\n', 'a', '-', ':'), minLength: 1, maxLength: 6 }),
)

export const leafType: fc.Arbitrary<LeafType> = fc.oneof(
  fc
    .constantFrom(
      'boolean',
      'tinyint',
      'smallint',
      'int',
      'bigint',
      'float',
      'double',
      'string',
      'binary',
      'date',
      'timestamp',
    )
    .map((kind) => ({ kind }) as const),
  fc
    .integer({ min: 1, max: 38 })
    .chain((precision) =>
      fc.integer({ min: 0, max: precision }).map((scale) => ({ kind: 'decimal', precision, scale }) as const),
    ),
  fc.record({ kind: fc.constantFrom('varchar', 'char'), length: fc.integer({ min: 0, max: 20 }) }),
)

const comment = fc.string({
  unit: fc.oneof(
    fc.constantFrom("'", '"', '\\', '%', '_', 'n', 'u0041', ',', '\n', '--', '/*'),
    fc.string({ maxLength: 2 }),
  ),
  maxLength: 6,
})

const { type, fields } = fc.letrec<{ type: DataType; field: Field; fields: readonly Field[] }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leafType,
    tie('type').map((element): DataType => ({ kind: 'array', element })),
    tie('type').map((value): DataType => ({ kind: 'map', value })),
    tie('fields').map((inner): DataType => ({ kind: 'struct', fields: inner })),
  ),
  field: fc
    .record({
      name,
      type: tie('type'),
      nullable: fc.boolean(),
      comment: fc.option(comment, { nil: undefined, freq: 2 }),
    })
    .map(({ comment: text, ...field }) => (text === undefined ? field : { ...field, comment: text })),
  fields: fc.uniqueArray(tie('field'), { maxLength: 4, selector: (field) => field.name.toLowerCase() }),
}))

export const dataType = type

/** The columns of a random schema, at least one. */
export const columns = fields.filter((list) => list.length > 0)

function leafValue(leaf: LeafType): fc.Arbitrary<unknown> {
  switch (leaf.kind) {
    case 'boolean':
      return fc.boolean()
    case 'tinyint':
      return fc.integer({ min: -128, max: 127 })
    case 'smallint':
      return fc.integer({ min: -32_768, max: 32_767 })
    case 'int':
      return fc.integer({ min: -2_147_483_648, max: 2_147_483_647 })
    case 'bigint':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'float':
      return fc.float()
    case 'double':
      return fc.double()
    case 'string':
      return fc.string()
    case 'varchar':
    case 'char':
      return fc.string({ unit: fc.constantFrom('a', '😀', 'é'), maxLength: leaf.length })
    case 'decimal':
      return fc
        .bigInt({ min: -(10n ** BigInt(leaf.precision)) + 1n, max: 10n ** BigInt(leaf.precision) - 1n })
        .map((unscaled) => decimalText(unscaled, leaf.scale))
    case 'binary':
      return fc.uint8Array({ maxLength: 4 })
    case 'date':
    case 'timestamp':
      return fc.date({ noInvalidDate: true })
  }
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${unscaled < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`
}

function valueFor(of: DataType): fc.Arbitrary<unknown> {
  switch (of.kind) {
    case 'array':
      return fc.array(fc.option(valueFor(of.element), { freq: 3 }), { maxLength: 3 })
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 3 }), fc.option(valueFor(of.value), { freq: 3 }), { maxKeys: 3 })
    case 'struct':
      return rowOf(of.fields)
    default:
      return leafValue(of)
  }
}

/** A row that fits: nullable columns may be null, undefined or missing, the columns come in any order. */
export function rowOf(list: readonly Field[]): fc.Arbitrary<Record<string, unknown>> {
  const entries = list.map((field) => {
    const value = valueFor(field.type)
    const all = field.nullable
      ? fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constantFrom(null, undefined, absent) })
      : value
    return all.map((item) => [field.name, item] as const)
  })
  return (
    fc
      .tuple(...entries)
      .chain((pairs) => fc.shuffledSubarray(pairs, { minLength: pairs.length }))
      // Object.fromEntries defines properties, so a column may be named __proto__.
      .map((pairs) => Object.fromEntries(pairs.filter(([, item]) => item !== absent)))
  )
}

const absent = Symbol('absent')
