import type { Authorization, OutgoingRequest } from '../../../../src/connectors/rest/http/types.ts'

/** A request as a client hands it to an authorization. */
export function outgoing(over: Partial<Record<'url' | 'method', string>> & { headers?: Record<string, string> } = {}) {
  const { url = 'https://api.example/items', method = 'GET', headers = {} } = over
  return { method, url: new URL(url), headers } satisfies OutgoingRequest
}

export function authorize(authorization: Authorization, request: OutgoingRequest = outgoing()) {
  return authorization.authorize(request, undefined)
}

/** The header that an authorization sends. */
export async function authorizationHeader(authorization: Authorization): Promise<string | undefined> {
  return (await authorize(authorization)).headers.authorization
}
