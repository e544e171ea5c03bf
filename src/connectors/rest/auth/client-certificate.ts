import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { describeError, OptionError } from '../../../errors.ts'
import { type OptionRule, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { isSecretPlace } from './secret.ts'

/** A certificate, key or passphrase, or where it is: a file, or an environment variable. */
export type CertificatePart = string | Buffer | { readonly file: string } | { readonly env: string }

/** Options of {@link clientCertificate}. */
export type ClientCertificateOptions = {
  /** Of an encrypted key or PFX. */
  readonly passphrase?: CertificatePart
} & (
  | {
      /** The certificate in PEM, with those between it and the authority. */
      readonly cert: CertificatePart
      /** Its private key in PEM. */
      readonly key: CertificatePart
      readonly pfx?: never
    }
  | {
      /** Certificate and key in one (PKCS #12): bytes. */
      readonly pfx: Buffer | { readonly file: string }
      readonly cert?: never
      readonly key?: never
    }
)

const part: OptionRule = {
  expected: 'a text or bytes that are not empty, { file: "path" } or { env: "NAME of a variable" }',
  accepts: (value) => (typeof value === 'string' || Buffer.isBuffer(value) ? value.length > 0 : isSecretPlace(value)),
  secret: true,
}

const bytes: OptionRule = {
  expected: 'bytes or { file: "path" }',
  accepts: (value) => typeof value !== 'string' && part.accepts(value) && !Object.hasOwn(value as object, 'env'),
  secret: true,
}

/**
 * Who asks is told by a client certificate, on the connection. Files are read when a client is made: once a start or restart.
 * To ask with a token as well, give the certificate in the option `tls` and the token in `auth`.
 *
 * ```ts
 * clientCertificate({ cert: { file: '/run/secrets/tls.crt' }, key: { file: '/run/secrets/tls.key' } })
 * ```
 *
 * @throws OptionError also when a client is made: a part isn't found, or they don't fit together.
 */
export function clientCertificate(options: ClientCertificateOptions): Authorization {
  const owner = 'clientCertificate'
  validateOptions(owner, options, { cert: part, key: part, pfx: bytes, passphrase: part })
  const { cert, key, pfx, passphrase } = options
  if ((cert === undefined) !== (key === undefined) || (cert === undefined) === (pfx === undefined))
    throw new OptionError(`${owner}: expected the options "cert" and "key", or "pfx"`)
  const authorization: Authorization = { name: 'client certificate', authorize: async (request) => request }
  // Not enumerable: nobody who shows or copies the object gets to see a key.
  return Object.defineProperty(authorization, 'tls', {
    get: () =>
      fitting({
        ...(cert === undefined ? {} : { cert: readPart(owner, 'cert', cert) }),
        ...(key === undefined ? {} : { key: readPart(owner, 'key', key) }),
        ...(pfx === undefined ? {} : { pfx: Buffer.from(readPart(owner, 'pfx', pfx)) }),
        ...(passphrase === undefined ? {} : { passphrase: String(readPart(owner, 'passphrase', passphrase)).trim() }),
      }),
  })
}

/** Refuses what every connection would fail with. */
function fitting(identity: NonNullable<Authorization['tls']>): Authorization['tls'] {
  try {
    createSecureContext(identity)
    return identity
  } catch (error) {
    throw new OptionError(
      `clientCertificate: expected a certificate and its key (in PEM, or a PFX), with the passphrase of an encrypted one; they can't be used: ${describeError(error)}`,
    )
  }
}

function readPart(owner: string, option: string, from: CertificatePart): string | Buffer {
  if (typeof from === 'string' || Buffer.isBuffer(from)) return from
  const [where, value] =
    'env' in from ? [`environment variable ${from.env}`, process.env[from.env]] : readBytes(option, from.file)
  if (value !== undefined && value.length > 0) return value
  throw new OptionError(
    `${owner}: option ${JSON.stringify(option)} was not found: ${where} is ${value === undefined ? 'not set' : 'empty'}`,
  )
}

function readBytes(option: string, path: string): readonly [string, Buffer] {
  const where = `file ${path}`
  try {
    return [where, readFileSync(path)]
  } catch (error) {
    throw new OptionError(
      `clientCertificate: option ${JSON.stringify(option)}: ${where} can't be read: ${describeError(error)}`,
      { cause: error },
    )
  }
}
