import { OptionError } from '../../../errors.ts'
import { type OptionRule, rules, validateOptions } from '../../../options.ts'
import type { Authorization } from './types.ts'

/** Options of TLS connections. The server's certificate is always verified, whatever the environment says; there is no option against it. */
export interface TlsOptions {
  /** Certificates of authorities in PEM, trusted *instead of* the built-in ones. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** The client's certificate, PEM, with those between it and the authority. */
  readonly cert?: string | Buffer
  /** The key of `cert`, PEM. */
  readonly key?: string | Buffer
  /** Certificate and key in one (PKCS #12), in place of `cert` and `key`. */
  readonly pfx?: Buffer
  /** Of an encrypted `key` or `pfx`. */
  readonly passphrase?: string
  /** The name that is asked for and that the server's certificate must bear. @default the host of the URL */
  readonly servername?: string
}

const pem: OptionRule = {
  expected: 'text or bytes in PEM',
  accepts: (value) => (typeof value === 'string' || Buffer.isBuffer(value)) && value.length > 0,
  secret: true,
}

const tlsRules = {
  ca: {
    expected: 'text or bytes in PEM, or a list of them',
    accepts: (value) => (Array.isArray(value) ? value.length > 0 && value.every(pem.accepts) : pem.accepts(value)),
    secret: true,
  },
  cert: pem,
  key: pem,
  pfx: { expected: 'bytes', accepts: Buffer.isBuffer, secret: true },
  passphrase: { ...rules.string, secret: true },
  servername: rules.string,
} as const satisfies Record<keyof TlsOptions, OptionRule>

/**
 * What connections are made with.
 * @param own the client certificate of who asks.
 * @throws OptionError
 */
export function tlsConnect(
  owner: string,
  options: TlsOptions = {},
  own?: Authorization['tls'],
): TlsOptions & { readonly rejectUnauthorized: true } {
  validateOptions(owner, options, tlsRules)
  const { cert, key, pfx } = options
  if ((cert === undefined) !== (key === undefined))
    throw new OptionError(
      `${owner}: options "cert" and "key" go together, and "${cert === undefined ? 'cert' : 'key'}" is missing`,
    )
  if (own !== undefined && (cert ?? pfx) !== undefined)
    throw new OptionError(`${owner}: a client certificate is given twice, here and in "auth"; leave one out`)
  return { ...options, ...own, rejectUnauthorized: true }
}
