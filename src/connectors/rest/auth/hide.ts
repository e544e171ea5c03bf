import { inspect } from 'node:util'
import { describeError, isRetryable } from '../../../errors.ts'

/** Shorter ones are no secrets, and hiding a letter or two wherever they occur would tell them. */
const shortest = 4

/** A text without these secrets, as they are and as URLs, forms, JSON and base64 write them. */
export function hide(text: string, secrets: Iterable<string>): string {
  const written = [...secrets].filter((secret) => secret.length >= shortest).flatMap(spellings)
  // The longest first: one may be a part of another.
  return written.sort((a, b) => b.length - a.length).reduce((result, each) => result.replaceAll(each, '***'), text)
}

function spellings(secret: string): string[] {
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
    Buffer.from(secret).toString('base64'),
  ]
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
