import { nodeCrypto } from './builtins.ts'
import { redact } from './redact.ts'

/** Characters of the longest label; of a longer text the beginning and a digest are shown. */
const longest = 120
const shown = longest - 12

/** Neither long nor anything that could hold a secret: what nearly all names are. */
const plain = /^[\w -]{1,40}$/

/**
 * A name that somebody chose, as it is shown in events, metrics and logs: without what looks like a secret, no longer than 120 characters, and text that can be
 * encoded. Long names that begin alike still differ.
 */
export function labelText(name: unknown): string {
  const text = String(name)
  if (plain.test(text)) return text
  const safe = redact(text.slice(0, 10 * longest).toWellFormed())
  if (text.length <= longest && safe.length <= longest) return safe
  const digest = nodeCrypto().createHash('sha256').update(text.toWellFormed()).digest('hex').slice(0, 10)
  return `${safe.slice(0, shown).toWellFormed()}… ${digest}`
}
