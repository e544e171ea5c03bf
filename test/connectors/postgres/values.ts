import fc from 'fast-check'

/** Every type a column can have, and values of it: the edges, and others at random. */

const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed())
const integer = (bits: number) => {
  const limit = 2 ** (bits - 1)
  return fc.oneof(fc.constantFrom(-limit, -1, 0, 1, limit - 1), fc.integer({ min: -limit, max: limit - 1 }))
}
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
/** The numbers of jsonb know no −0. */
const inJson = finite.map((value) => value + 0)
const time = fc.oneof(
  fc.constantFrom(-1, 0, 1, Date.UTC(-4713, 11, 1), -62_167_219_200_000, -62_135_596_800_001, 253_402_300_800_000),
  fc.integer({ min: Date.UTC(-4713, 11, 1), max: 8.64e15 }),
)
const day = time.map((ms) => new Date(Math.floor(ms / 86_400_000) * 86_400_000))
const decimal = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 12n - 1n }), fc.integer({ min: 0, max: 9999 }))
  .map(([minus, whole, fraction]) => `${minus && whole > 0n ? '-' : ''}${whole}.${String(fraction).padStart(4, '0')}`)
const bigint = fc.oneof(
  fc.constantFrom(-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
const tricky = fc.constantFrom(
  '',
  '\\N',
  'NULL',
  'null',
  '{}',
  '"',
  '\\',
  ',',
  '\t',
  '\n',
  '\r\n',
  "'",
  '\\.',
  'é\u{1F600}',
  '\u2028',
)
const string = fc.oneof(text, tricky)
// Without backslashes: JSON.parse of Node 24 takes the key `"` for `\` once it has read an object with that one.
const key = fc.oneof(text, tricky).filter((name) => name !== '__proto__' && !name.includes('\\'))

export const types = {
  boolean: fc.boolean(),
  tinyint: integer(8),
  smallint: integer(16),
  int: integer(32),
  bigint,
  float: fc.oneof(fc.constantFrom(-0, Number.NaN, Infinity, -Infinity), fc.float()),
  double: fc.oneof(fc.constantFrom(-0, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE), fc.double()),
  'decimal(16,4)': decimal,
  string,
  'varchar(40)': fc.string({ maxLength: 20 }).filter((value) => !value.includes('\0')),
  binary: fc.uint8Array({ maxLength: 40 }),
  date: day,
  timestamp: time.map((ms) => new Date(ms)),
  'array<int>': nullable(integer(32)),
  'array<bigint>': nullable(bigint),
  'array<double>': nullable(fc.oneof(finite, fc.constantFrom(Number.NaN, Infinity, -Infinity))),
  'array<string>': nullable(string),
  'array<boolean>': nullable(fc.boolean()),
  'array<decimal(16,4)>': nullable(decimal),
  'array<binary>': nullable(fc.uint8Array({ maxLength: 10 })),
  'array<timestamp>': nullable(time.map((ms) => new Date(ms))),
  'array<date>': nullable(day),
  'array<array<int>>': nullable(nullable(integer(32))),
  'map<string, bigint>': fc.dictionary(key, fc.option(bigint), { maxKeys: 4 }),
  'map<string, string>': fc.dictionary(key, fc.option(string), { maxKeys: 4 }),
  'struct<a: int, b: string, c: decimal(16,4), d: timestamp, e: binary, f: double, g: bigint>': fc.record({
    a: fc.option(integer(32)),
    b: fc.option(string),
    c: fc.option(decimal),
    d: fc.option(time.map((ms) => new Date(ms))),
    e: fc.option(fc.uint8Array({ maxLength: 10 })),
    f: fc.option(inJson),
    g: fc.option(bigint),
  }),
} as const satisfies Readonly<Record<string, fc.Arbitrary<unknown>>>

function nullable<T>(element: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> {
  return fc.array(fc.option(element), { maxLength: 5 })
}
