import { CheckpointCorruptError } from '../errors.ts'
import { canonicalOffset, type OffsetObject } from '../offset.ts'

/**
 * An offset as Python's `json.dumps` writes it: a space after `:` and `,`, everything outside printable ASCII as `\uXXXX`, keys in insertion order.
 * Spark compares offsets as text, and this is the text of its Python sources.
 * @throws OffsetError for anything that an offset may not hold.
 */
export function formatOffset(offset: object, where: string): string {
  canonicalOffset(offset, where)
  return formatObject(offset as OffsetObject)
}

/**
 * The offset of one line.
 * @throws CheckpointCorruptError when it isn't an offset, or holds a number that reading would change (`1.0`, 2⁶⁰).
 */
export function parseOffset(text: string, where: string): object {
  let offset: unknown
  try {
    offset = JSON.parse(text, keepNumber)
    canonicalOffset(offset, where)
  } catch (cause) {
    throw new CheckpointCorruptError(
      `${where}: expected an offset (an object of integers, strings and booleans), found ${excerpt(text)}`,
      { cause },
    )
  }
  return offset as object
}

export function excerpt(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

function formatObject(offset: OffsetObject): string {
  const members = Object.entries(offset).map(([name, value]) => `${formatString(name)}: ${formatValue(value)}`)
  return `{${members.join(', ')}}`
}

function formatValue(value: OffsetObject[string]): string {
  switch (typeof value) {
    case 'string':
      return formatString(value)
    case 'object':
      return formatObject(value)
    default:
      return JSON.stringify(value) // writes -0 as 0, as a canonical offset does
  }
}

function formatString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function keepNumber(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === 'number' && context?.source !== undefined && context.source !== String(value)) {
    throw new RangeError(`the number ${context.source} can't be kept exactly`)
  }
  return value
}
