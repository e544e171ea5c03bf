import { createPrivateKey, type JsonWebKeyInput, type KeyObject, randomUUID } from 'node:crypto'
import type { SchedulerLike } from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from '../../../duration.ts'
import { describeError, OptionError } from '../../../errors.ts'
import { type OptionRule, oneOf, required, rules } from '../../../options.ts'
import { optionalPackage } from '../../records/optional-package.ts'
import { readSecret, type Secret, secretRule } from './secret.ts'

const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
] as const

/** How a JSON web token is signed. */
export type SigningAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'

/** With what a JSON web token is signed. */
export interface SigningOptions {
  /** A private key in PEM (PKCS #8, PKCS #1, SEC 1; possibly encrypted) or as a JWK in JSON. Read anew for each token. */
  readonly key: Secret
  /** Of an encrypted key. */
  readonly passphrase?: Secret
  /** Tells the server which of several keys it is (`kid`). @default the `kid` of a JWK, else none */
  readonly keyId?: string
  /** @default what fits the key: RS256, ES256, ES384, ES512 or EdDSA */
  readonly algorithm?: SigningAlgorithm
  /** How long a server may take the signed token for good. @default '5 minutes' */
  readonly lifetime?: Duration
  /** Further header parameters, such as `x5t`. */
  readonly header?: Readonly<Record<string, unknown>>
}

export const signingRules = {
  key: required(secretRule),
  passphrase: secretRule,
  keyId: rules.string,
  algorithm: oneOf(...algorithms),
  lifetime: positiveDurationRule,
  header: rules.object,
} as const satisfies Record<keyof SigningOptions, OptionRule>

/** A server whose clock is behind ours refuses what was signed in its future. */
const clockMarginMs = 30_000

/**
 * Signs claims as a JSON web token (RFC 7519) with `iat` (30 s ago, for servers whose clocks are behind), `exp` and a new `jti`; claims win over these.
 * @param owner named in errors.
 * @throws OptionError where the key isn't found, isn't a key, or doesn't fit the algorithm.
 */
export async function sign(
  owner: string,
  options: SigningOptions,
  claims: Readonly<Record<string, unknown>>,
  scheduler: SchedulerLike,
): Promise<string> {
  const { SignJWT } = await optionalPackage('jose', `${owner}: signing`, () => import('jose'))
  const { key, keyId } = await signingKey(owner, options)
  const alg = options.algorithm ?? algorithmOf(key, owner)
  const now = scheduler.now()
  const seconds = (ms: number): number => Math.floor(ms / 1_000)
  const lifetimeMs = durationMs(options.lifetime ?? '5 minutes', owner, 'lifetime')
  const times = { iat: seconds(now - clockMarginMs), exp: seconds(now + lifetimeMs), jti: randomUUID() }
  const header = { typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }), ...options.header, alg }
  try {
    return await new SignJWT({ ...times, ...claims }).setProtectedHeader(header).sign(key)
  } catch (error) {
    throw new OptionError(
      `${owner}: signing with ${alg} failed, and the key is of type ${key.asymmetricKeyType}: ${describeError(error)}`,
    )
  }
}

async function signingKey(
  owner: string,
  options: SigningOptions,
): Promise<{ readonly key: KeyObject; readonly keyId: string | undefined }> {
  const text = await readSecret(owner, 'key', options.key)
  const passphrase =
    options.passphrase === undefined ? undefined : await readSecret(owner, 'passphrase', options.passphrase)
  try {
    if (text.trimStart().startsWith('{')) {
      const jwk: unknown = JSON.parse(text)
      const kid = typeof jwk === 'object' && jwk !== null && 'kid' in jwk ? jwk.kid : undefined
      const key = createPrivateKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' })
      return { key, keyId: options.keyId ?? (typeof kid === 'string' ? kid : undefined) }
    }
    return {
      key: createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) }),
      keyId: options.keyId,
    }
  } catch (error) {
    // The error of a parser may quote what it read.
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new OptionError(
      `${owner}: option "key" must be a private key in PEM or as a JWK in JSON${passphrase === undefined ? '' : ', with its passphrase'}, and it can't be read as one${code}`,
    )
  }
}

const curves: ReadonlyMap<string | undefined, SigningAlgorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
])

function algorithmOf(key: KeyObject, owner: string): SigningAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa') return 'RS256'
  if (type === 'ed25519') return 'EdDSA'
  const algorithm = type === 'ec' ? curves.get(details?.namedCurve) : undefined
  if (algorithm !== undefined) return algorithm
  throw new OptionError(
    `${owner}: option "key" must be an RSA, EC (P-256, P-384, P-521) or Ed25519 key, and it is ${type}`,
  )
}
