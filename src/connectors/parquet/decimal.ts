/** A decimal's digits without its point: `'-12.5'` with scale 2 is `-1250n`. The text must fit the scale. */
export function unscaled(text: string, scale: number): bigint {
  const negative = text.startsWith('-')
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.')
  const digits = BigInt(`${whole}${fraction.slice(0, scale).padEnd(scale, '0')}` || '0')
  return negative ? -digits : digits
}

/** The decimal with all digits of its scale: `-1250n` with scale 2 is `'-12.50'`. */
export function decimalText(value: bigint, scale: number): string {
  if (scale === 0) return String(value)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** A number in two's complement, the highest byte first. */
export function fromBytes(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(bytes.length * 8, value)
}
