import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clientCertificate } from '../../../../src/connectors/rest/auth/client-certificate.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { TlsOptions } from '../../../../src/connectors/rest/http/tls.ts'
import { testAuthority } from '../../../support/certificates.ts'
import { type HttpServer, httpServer, type Route } from '../../../support/http-server.ts'
import { failure } from './failure.ts'
import { authorizationHeader } from './requests.ts'

const authority = testAuthority()
const identity = authority.issue({ name: 'etl' })
const token: Route = ({ client }) => ({ body: { access_token: `of-${client}`, token_type: 'Bearer' } })

describe('a token endpoint with a certificate of a private authority', () => {
  const server = () => httpServer({ 'POST /token': token }, { tls: { authority, clients: true } })
  const grant = ({ url }: HttpServer, tls?: TlsOptions) =>
    oauth2ClientCredentials({
      ...{ tokenUrl: `${url}/token`, clientId: 'etl', clientAuth: 'none' },
      ...(tls === undefined ? {} : { tls }),
    })

  it('is trusted when the authority is, and knows the client by its certificate', async () => {
    await using idp = await server()
    expect(await authorizationHeader(grant(idp, { ca: authority.ca, ...identity }))).toBe('Bearer of-etl')
    expect(idp.requests[0]?.body).toBe('grant_type=client_credentials&client_id=etl')
  })

  it('isn’t trusted by itself', async () => {
    await using idp = await server()
    const error = await failure(() => authorizationHeader(grant(idp)))
    expect(error).toMatchObject({ retryable: false })
    expect(error.message).toContain('certificate')
    expect(idp.requests).toEqual([])
  })
})

describe('clientCertificate', () => {
  it('says who asks, with files that were replaced before the next start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
    await using api = await httpServer(
      { '/': ({ client }) => ({ body: client }) },
      { tls: { authority, clients: true } },
    )
    try {
      const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')] as const
      const auth = clientCertificate({ cert: { file: cert }, key: { file: key } })
      for (const name of ['etl', 'etl-2']) {
        const issued = authority.issue({ name })
        await writeFile(cert, issued.cert)
        await writeFile(key, issued.key)
        const client = httpClient({ auth, tls: { ca: authority.ca } })
        await client.send({ url: api.url }, async ({ body }) => {
          body.resume()
        })
        await client.close()
      }
      expect(api.requests.map(({ client }) => client)).toEqual(['etl', 'etl-2'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
