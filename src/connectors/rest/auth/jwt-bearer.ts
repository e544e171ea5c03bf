import { required, rules, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { type SigningOptions, sign, signingRules } from './assertion.ts'
import { inTime } from './in-time.ts'
import { type Issuing, issued } from './issued.ts'
import { requestToken } from './token-endpoint.ts'
import { type TokenOptions, tokenRules, tokenSettings } from './token-options.ts'

/** Options of {@link jwtBearer}. */
export interface JwtBearerOptions extends TokenOptions, SigningOptions {
  /** Who signs: a service account, a client id (`iss`). */
  readonly issuer: string
  /** In whose name (`sub`). @default the issuer */
  readonly subject?: string
  /** Whom the assertion is for (`aud`). @default the URL of the token endpoint */
  readonly audience?: string
  /** Further claims. Some servers look for the scope there, not in the request. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/**
 * OAuth 2.0 JWT bearer grant (RFC 7523, section 2.1): a signed assertion is exchanged for a token, which lives as in {@link oauth2ClientCredentials}.
 * Service accounts and server-to-server integrations work so. Needs the packages `oauth4webapi` and `jose`.
 *
 * ```ts
 * jwtBearer({ tokenUrl: 'https://id.example/token', issuer: 'etl@project', key: { file: '/run/secrets/key.pem' }, claims: { scope: 'read' } })
 * ```
 *
 * @throws OptionError
 */
export function jwtBearer(options: JwtBearerOptions): Authorization {
  const owner = 'jwtBearer'
  validateOptions(owner, options, {
    ...tokenRules,
    ...signingRules,
    issuer: required(rules.string),
    subject: rules.string,
    audience: rules.string,
    claims: rules.object,
  })
  const settings = tokenSettings(owner, options)
  const { issuer, subject = issuer, audience = settings.tokenUrl, claims = {} } = options
  const issue: Issuing['issue'] = async (signal) => {
    const stated = { iss: issuer, sub: subject, aud: audience, ...claims }
    const assertion = await inTime(owner, settings, 'signing', () => sign(owner, options, stated, settings.scheduler))
    return requestToken(owner, settings, {
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion },
      secrets: [assertion],
      signal,
    })
  }
  return issued(settings, { name: 'oauth2 JWT bearer', issue })
}
