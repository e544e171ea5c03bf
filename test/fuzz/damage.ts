import fc from 'fast-check'

/** What may happen to bytes on a disk or on their way. */
export type Damage =
  | { readonly kind: 'truncated'; readonly at: number }
  | { readonly kind: 'flipped'; readonly at: number; readonly bit: number }
  | { readonly kind: 'replaced'; readonly at: number; readonly by: string }
  | { readonly kind: 'repeated'; readonly at: number }

const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

/** Texts that parsers stumble over. */
const adversarial = fc.constantFrom(
  '',
  '\0',
  '\n',
  '"',
  '{',
  '[',
  ']',
  '}',
  '__proto__',
  '1e999',
  '-',
  '\ufeff',
  '\u2028',
  '9'.repeat(400),
  '['.repeat(5_000),
  '{"a":'.repeat(5_000),
  'v2',
  'null',
  '💧',
)

export const truncation: fc.Arbitrary<Damage> = share.map((at) => ({ kind: 'truncated', at }))

/** One of everything. Places are shares of the length. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  truncation,
  fc.record({ kind: fc.constant('flipped' as const), at: share, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('replaced' as const), at: share, by: adversarial }),
  share.map((at) => ({ kind: 'repeated' as const, at })),
)

export function damaged(bytes: Buffer, what: Damage): Buffer {
  const at = Math.floor(what.at * bytes.length)
  switch (what.kind) {
    case 'truncated':
      return bytes.subarray(0, at)
    case 'flipped': {
      const copy = Buffer.from(bytes)
      if (copy.length > 0) copy[at] = (copy[at] as number) ^ (1 << what.bit)
      return copy
    }
    case 'replaced':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(what.by), bytes.subarray(at + 1)])
    case 'repeated':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, at), bytes.subarray(at)])
  }
}
