import type { ClientAuth } from 'oauth4webapi'
import type { SchedulerLike } from 'rxjs'
import type { OAuth2ClientOptions } from './client-authentication.ts'
import { readSecret, type Secret } from './secret.ts'

/** A client as a token request needs it. */
export interface ReadClient {
  readonly clientId: string
  readonly authenticate: ClientAuth
  /** What is sent and nobody's business. */
  readonly secrets: readonly string[]
}

/** Reads id and secret. @throws OptionError when one of them isn't found. */
export async function readClient(
  owner: string,
  options: OAuth2ClientOptions,
  tokenUrl: string,
  scheduler: SchedulerLike,
  oauth: typeof import('oauth4webapi'),
): Promise<ReadClient> {
  const { clientAuth = 'basic' } = options
  const clientId = await readSecret(owner, 'clientId', options.clientId)
  if (clientAuth === 'none') return { clientId, authenticate: oauth.None(), secrets: [] }
  if (typeof clientAuth === 'object') {
    const assertion = await clientAuth.assertion(clientId, tokenUrl, scheduler)
    const authenticate: ClientAuth = (_server, _client, body) => {
      body.set('client_id', clientId)
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', assertion)
    }
    return { clientId, authenticate, secrets: [assertion] }
  }
  const secret = await readSecret(owner, 'clientSecret', options.clientSecret as Secret)
  const make = clientAuth === 'basic' ? oauth.ClientSecretBasic : oauth.ClientSecretPost
  return { clientId, authenticate: make(secret), secrets: [secret] }
}
