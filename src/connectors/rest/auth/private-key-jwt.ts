import type { SchedulerLike } from 'rxjs'
import { rules, validateOptions } from '../../../options.ts'
import { type SigningOptions, sign, signingRules } from './assertion.ts'

/** Options of {@link privateKeyJwt}. */
export interface PrivateKeyJwtOptions extends SigningOptions {
  /** Whom the assertion is for. @default the URL of the token endpoint */
  readonly audience?: string
}

/** A client that shows who it is by signing an assertion. */
export interface PrivateKeyJwt {
  readonly method: 'private_key_jwt'
  /** The assertion for a client, at a token endpoint. */
  readonly assertion: (clientId: string, tokenUrl: string, scheduler: SchedulerLike) => Promise<string>
}

/**
 * Client authentication with a signed assertion (RFC 7523, section 2.2) instead of a secret: for `clientAuth`.
 *
 * ```ts
 * oauth2ClientCredentials({ tokenUrl, clientId: 'etl', clientAuth: privateKeyJwt({ key: { file: '/run/secrets/key.pem' } }) })
 * ```
 *
 * @throws OptionError
 */
export function privateKeyJwt(options: PrivateKeyJwtOptions): PrivateKeyJwt {
  validateOptions('privateKeyJwt', options, { ...signingRules, audience: rules.string })
  const { audience, ...signing } = options
  return {
    method: 'private_key_jwt',
    assertion: (clientId, tokenUrl, scheduler) =>
      sign('privateKeyJwt', signing, { iss: clientId, sub: clientId, aud: audience ?? tokenUrl }, scheduler),
  }
}

/** Whether a value is what {@link privateKeyJwt} gives. */
export function isPrivateKeyJwt(value: unknown): value is PrivateKeyJwt {
  return typeof value === 'object' && value !== null && 'method' in value && value.method === 'private_key_jwt'
}
