import { OptionError } from '../../../errors.ts'
import { type OptionRule, required } from '../../../options.ts'
import { isPrivateKeyJwt, type PrivateKeyJwt } from './private-key-jwt.ts'
import { type Secret, secretRule } from './secret.ts'

/** Who asks a token endpoint, and how it shows it. */
export interface OAuth2ClientOptions {
  readonly clientId: Secret
  /** Needed by `'basic'` and `'post'`. Read anew for each token. */
  readonly clientSecret?: Secret
  /**
   * - `'basic'`: id and secret in the header `Authorization`, which every server should know;
   * - `'post'`: both in the body;
   * - `'none'`: only the id, in the body: a public client, or one known by the certificate in `tls`;
   * - {@link privateKeyJwt}.
   *
   * @default 'basic'
   */
  readonly clientAuth?: 'basic' | 'post' | 'none' | PrivateKeyJwt
}

export const clientRules = {
  clientId: required(secretRule),
  clientSecret: secretRule,
  clientAuth: {
    expected: '"basic", "post", "none" or privateKeyJwt({ … })',
    accepts: (value) => value === 'basic' || value === 'post' || value === 'none' || isPrivateKeyJwt(value),
  },
} as const satisfies Record<keyof OAuth2ClientOptions, OptionRule>

/** @throws OptionError where the method and the secret don't go together. */
export function checkClient(owner: string, { clientAuth = 'basic', clientSecret }: OAuth2ClientOptions): void {
  const isNeeded = clientAuth === 'basic' || clientAuth === 'post'
  if (isNeeded === (clientSecret !== undefined)) return
  const method = typeof clientAuth === 'string' ? JSON.stringify(clientAuth) : 'privateKeyJwt'
  throw new OptionError(
    isNeeded
      ? `${owner}: option "clientSecret" is missing; "clientAuth" ${method} needs it`
      : `${owner}: option "clientSecret" is given, and "clientAuth" ${method} sends none; leave one of them out`,
  )
}
