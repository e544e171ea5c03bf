import { inspect } from 'node:util'
import { describeError, isRetryable } from '../../../errors.ts'
import { readingsOf } from './unescape.ts'

/** Shorter ones are no secrets, and hiding a letter or two wherever they occur would tell them. */
const shortest = 4

type Span = readonly [from: number, to: number]

/**
 * A text without these secrets: as they are, with escapes of JSON, URLs and HTML (in any case, some characters or all, one within the other), in forms,
 * and in base64 of either alphabet, also as a part of more: of `user:password`.
 */
export function hide(text: string, secrets: Iterable<string>): string {
  const hidden = [...secrets].filter((secret) => secret.length >= shortest)
  if (hidden.length === 0) return text
  const spans = readingsOf(text).flatMap((reading) => {
    const found = [...hidden.flatMap((secret) => plain(reading.text, secret)), ...encoded(reading.text, hidden)]
    return found.map(([from, to]) => reading.spanOf(from, to))
  })
  return withoutSpans(text, spans)
}

function plain(text: string, secret: string): Span[] {
  const inForm = secret.replaceAll(' ', '+')
  return inForm === secret ? occurrences(text, secret) : [...occurrences(text, secret), ...occurrences(text, inForm)]
}

function occurrences(text: string, part: string): Span[] {
  const found: Span[] = []
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length))
    found.push([at, at + part.length])
  return found
}

function encoded(given: string, secrets: readonly string[]): Span[] {
  const text = given.replaceAll('-', '+').replaceAll('_', '/')
  return secrets.flatMap((secret) => [0, 1, 2].flatMap((before) => inBase64(text, Buffer.from(secret), before)))
}

/** @param before bytes that stand before the secret in its group of three: characters that it shares with others say too little to look for. */
function inBase64(text: string, secret: Buffer, before: number): Span[] {
  const whole = Buffer.concat([Buffer.alloc(before), secret])
  const own = whole.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6))
  if (own.length < shortest) return []
  const sharesFirst = before > 0 ? 1 : 0
  return occurrences(text, own).map(([from, to]) => {
    const rest = whole.length % 3 === 0 ? 0 : (/^[A-Za-z0-9+/]?={0,2}/.exec(text.slice(to, to + 3))?.[0].length ?? 0)
    return [Math.max(0, from - sharesFirst), to + rest]
  })
}

function withoutSpans(text: string, spans: readonly Span[]): string {
  let result = ''
  let at = 0
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0] || b[1] - a[1])) {
    if (from >= at) result += `${text.slice(at, from)}***`
    at = Math.max(at, to)
  }
  return result + text.slice(at)
}

/** An error that doesn't show these secrets: the error itself, or a plain one with its text where they were in it or in its causes. */
export function hideInError(error: unknown, secrets: readonly string[]): unknown {
  const shown = inspect(error, { depth: 5 })
  if (hide(shown, secrets) === shown) return error
  return Object.assign(new Error(hide(describeError(error), secrets)), { retryable: isRetryable(error) })
}

/** What was sent lately, to be hidden where an answer quotes it. A request under way may still carry the secret before the last. */
export class SentSecrets {
  #sent: readonly string[] = []

  add(...secrets: readonly string[]): void {
    if (secrets.every((secret) => this.#sent.includes(secret))) return
    this.#sent = [...new Set([...secrets, ...this.#sent])].slice(0, 4)
  }

  hide(text: string): string {
    return hide(text, this.#sent)
  }
}
