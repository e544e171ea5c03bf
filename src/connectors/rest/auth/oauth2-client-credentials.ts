import { rules, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { checkClient, clientRules, type OAuth2ClientOptions } from './client-authentication.ts'
import { issued } from './issued.ts'
import { requestToken } from './token-endpoint.ts'
import { type TokenOptions, tokenRules, tokenSettings } from './token-options.ts'

/** Options of {@link oauth2ClientCredentials}. */
export interface OAuth2ClientCredentialsOptions extends TokenOptions, OAuth2ClientOptions {
  /** For servers that want to know the API by a parameter `audience`. */
  readonly audience?: string
}

/**
 * OAuth 2.0 client credentials (RFC 6749, section 4.4): the pipeline asks in its own name.
 *
 * A token is asked for at the first request, shared by all, renewed before it expires, and once more when the API refuses it (401). Share one
 * authorization between the sources of an API. Needs the package `oauth4webapi`.
 *
 * ```ts
 * oauth2ClientCredentials({ tokenUrl: 'https://id.example/oauth2/token', clientId: 'etl', clientSecret: { env: 'CLIENT_SECRET' }, scope: 'read' })
 * ```
 *
 * @throws OptionError
 */
export function oauth2ClientCredentials(options: OAuth2ClientCredentialsOptions): Authorization {
  const owner = 'oauth2ClientCredentials'
  validateOptions(owner, options, { ...tokenRules, ...clientRules, audience: rules.string })
  checkClient(owner, options)
  const settings = tokenSettings(owner, options)
  const { audience } = options
  const parameters = audience === undefined ? {} : { audience }
  return issued(settings, {
    name: 'oauth2 client credentials',
    issue: (signal) =>
      requestToken(owner, settings, { client: options, grantType: 'client_credentials', parameters, signal }),
  })
}
