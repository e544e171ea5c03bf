import { describeError, isSluiceError, PortError } from '../../../errors.ts'
import { optionalPackage } from '../../records/optional-package.ts'
import { httpClient } from '../http/client.ts'
import type { HttpResponse } from '../http/types.ts'
import type { OAuth2ClientOptions } from './client-authentication.ts'
import { hide, hideInError } from './hide.ts'
import { inTime } from './in-time.ts'
import { readClient } from './read-client.ts'
import type { IssuedToken } from './token-cache.ts'
import type { TokenSettings } from './token-options.ts'

/** What is asked for a token with. */
export interface Grant {
  /** Who asks, where the grant doesn't say so itself. */
  readonly client?: OAuth2ClientOptions
  readonly grantType: string
  readonly parameters: Readonly<Record<string, string>>
  /** What of it is nobody's business. */
  readonly secrets?: readonly string[]
  /** Ends the request. */
  readonly signal?: AbortSignal
}

/** A token, and the refresh token that came with it. */
export interface GrantedToken extends IssuedToken {
  readonly refreshToken: string | undefined
}

/**
 * Asks a token endpoint once. Trying again is for whoever needs the token.
 * @throws HttpError with the answer where the endpoint refuses (final) or can't be reached (worth another attempt).
 */
export async function requestToken(owner: string, settings: TokenSettings, grant: Grant): Promise<GrantedToken> {
  const { tokenUrl, scope, extraParams, scheduler } = settings
  const oauth = await optionalPackage('oauth4webapi', owner, () => import('oauth4webapi'))
  const { client } = grant
  const who =
    client === undefined
      ? undefined
      : await inTime(owner, settings, 'reading the client', () => readClient(owner, client, tokenUrl, scheduler, oauth))
  const secrets = [...(grant.secrets ?? []), ...(who?.secrets ?? [])]
  const server = { issuer: tokenUrl, token_endpoint: tokenUrl }
  // The library wants a name, and a grant that names the client itself sends none.
  const named = { client_id: who?.clientId ?? tokenUrl }
  const parameters = { ...(scope === undefined ? {} : { scope }), ...grant.parameters, ...extraParams }

  try {
    const answered = await oauth.genericTokenEndpointRequest(
      server,
      named,
      who?.authenticate ?? (() => {}),
      grant.grantType,
      parameters,
      {
        // Option "allowHttp" has said so already.
        [oauth.allowInsecureRequests]: true,
        [oauth.customFetch]: async (url, { headers, body }) => {
          secrets.push(...(headers.authorization?.split(' ') ?? []).slice(1))
          return Response.json(tokenIn(await post(settings, { url, headers, body, secrets, signal: grant.signal })))
        },
      },
    )
    const token = await oauth.processGenericTokenEndpointResponse(server, named, answered)
    return {
      value: token.access_token,
      lifetimeMs: token.expires_in === undefined ? settings.defaultLifetimeMs : token.expires_in * 1_000,
      refreshToken: token.refresh_token,
    }
  } catch (error) {
    if (isSluiceError(error)) throw hideInError(error, secrets)
    // The library's. Its cause is the body, which may hold a token.
    throw noToken(describeError(error))
  }
}

interface TokenForm {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: URLSearchParams
  readonly secrets: readonly string[]
  readonly signal: AbortSignal | undefined
}

async function post(settings: TokenSettings, { url, headers, body, secrets, signal }: TokenForm): Promise<string> {
  const { 'content-type': contentType = 'application/x-www-form-urlencoded', ...others } = headers
  const client = httpClient({
    retry: { maxAttempts: 1 },
    timeout: settings.timeoutMs,
    ...(settings.tls === undefined ? {} : { tls: settings.tls }),
    scheduler: settings.scheduler,
    auth: { name: 'token request', authorize: async (request) => request, hide: (found) => hide(found, secrets) },
  })
  try {
    return await client.send(
      { method: 'POST', url, headers: others, body: { text: body.toString(), contentType } },
      textOf,
      signal === undefined ? {} : { signal },
    )
  } finally {
    await client.close()
  }
}

/** Much more than any token needs. */
const maxBytes = 1_048_576

async function textOf({ body }: HttpResponse): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw noToken(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** What an answer says of a token, whatever its content type and its kind of success. */
function tokenIn(text: string): object {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    // The parser's error quotes the text.
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw noToken('no JSON object')
  // Not asked for and not used; checking an ID token would need more than a token endpoint tells.
  const { id_token: _, ...token }: { id_token?: unknown; error?: unknown; access_token?: unknown } = found
  if (typeof token.error === 'string' && token.access_token === undefined)
    throw noToken(`the error ${JSON.stringify(token.error)}`)
  return token
}

function noToken(found: string): PortError {
  return new PortError(`expected a token as RFC 6749 says (section 5.1), found: ${found}`)
}
