import { isRetryable, isSluiceError } from '../errors.ts'
import type { FailureKind } from './vocabulary.ts'

const timeouts = /^(?:ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/
const networks = /^(?:E[A-Z]{3,}|EAI_[A-Z]+|UND_ERR_[A-Z_]+|SLUICE_RABBITMQ|SLUICE_HTTP)$/

/** Of an error of any kind one of a few words: an error's text is never a label. */
export function failureKind(error: unknown): FailureKind {
  let retryable = true
  let at: unknown = error
  for (let depth = 0; depth < 6 && typeof at === 'object' && at !== null; depth++) {
    const { code, name, cause } = at as { readonly code?: unknown; readonly name?: unknown; readonly cause?: unknown }
    const text = typeof code === 'string' ? code : ''
    if (text === 'SLUICE_STALLED') return 'stalled'
    if (text === 'SLUICE_ROW' || text === 'SLUICE_SCHEMA') return 'row'
    if (name === 'TimeoutError' || timeouts.test(text) || saysTimeout(at)) return 'timeout'
    if (!isRetryable(at)) retryable = false
    if (retryable && networks.test(text) && !(isSluiceError(at) && cause !== undefined)) return 'network'
    at = cause
  }
  return retryable ? 'other' : 'refused'
}

function saysTimeout(error: object): boolean {
  return error instanceof Error && isSluiceError(error) && /\btimed out\b/.test(error.message)
}
