import { describe, expect, it } from 'vitest'
import { connectionText, isTransient } from '../../../../src/connectors/rest/http/connection-error.ts'

const coded = (code: string, message = 'text'): Error => Object.assign(new Error(message), { code })

describe('trying again', () => {
  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EPIPE',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_HEADERS_TIMEOUT',
    'UND_ERR_BODY_TIMEOUT',
    'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
    'HPE_INVALID_CONSTANT',
    'Z_BUF_ERROR',
    'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
  ])('may help after %s', (code) => {
    expect(isTransient(coded(code))).toBe(true)
  })

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'UND_ERR_INVALID_ARG',
    'UND_ERR_HEADERS_OVERFLOW',
  ])('does not help after %s', (code) => {
    expect(isTransient(coded(code))).toBe(false)
    expect(isTransient(new Error('around', { cause: coded(code) }))).toBe(false)
  })

  it('may help after anything else, and an endless chain of causes ends', () => {
    const circle = new Error('circle')
    circle.cause = circle
    for (const error of [undefined, 'text', new Error('text'), circle]) expect(isTransient(error)).toBe(true)
  })
})

describe('the text of an error', () => {
  it.each<[string, unknown, string]>([
    ['has its code', coded('EPIPE'), 'text (EPIPE)'],
    ['has it once', coded('ECONNRESET', 'read ECONNRESET'), 'read ECONNRESET'],
    [
      'names the option of a time-out',
      coded('UND_ERR_BODY_TIMEOUT', 'Body Timeout Error'),
      'the body paused for longer than "timeout.idle" allows',
    ],
    [
      'is that of the first address',
      Object.assign(new AggregateError([coded('ECONNREFUSED', 'connect ECONNREFUSED ::1:1')]), {
        code: 'ECONNREFUSED',
      }),
      'connect ECONNREFUSED ::1:1',
    ],
    ['is its own otherwise', new Error('text'), 'text'],
    ['is there for whatever was thrown', 'text', 'text'],
  ])('%s', (_name, error, expected) => {
    expect(connectionText(error)).toBe(expected)
  })
})
