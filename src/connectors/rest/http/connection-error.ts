/** Certificates that aren't trusted or don't fit, versions that don't meet, requests that can't be sent: the same again ends the same. */
const final =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|ERR_TLS_|ERR_OSSL_|ERR_SSL_.*(?:CERT|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|UNRECOGNIZED_NAME|WRONG_VERSION|MISMATCH)|EPROTO$|ERR_INVALID_|UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED|HEADERS_OVERFLOW|REQ_CONTENT_LENGTH_MISMATCH)|HPE_HEADER_OVERFLOW)/

/** Whether trying again may help after an error of the connection. */
export function isTransient(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (final.test(codeOf(at) ?? '')) return false
  }
  return true
}

const timeouts: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connecting took longer than "timeout.connect" allows',
  UND_ERR_HEADERS_TIMEOUT: 'the answer took longer to begin than "timeout.headers" allows',
  UND_ERR_BODY_TIMEOUT: 'the body paused for longer than "timeout.idle" allows',
}

/** What a broken connection says, in short. */
export function connectionText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = codeOf(error)
  // Connecting to several addresses at once fails with a list of errors, and no text of its own.
  const text = error.message === '' && error instanceof AggregateError ? connectionText(error.errors[0]) : error.message
  if (code === undefined) return text
  return timeouts[code] ?? (text.includes(code) ? text : `${text} (${code})`)
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
