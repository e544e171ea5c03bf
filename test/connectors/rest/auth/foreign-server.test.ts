import { generateKeyPairSync } from 'node:crypto'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { OAuth2Server } from 'oauth2-mock-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jwtBearer } from '../../../../src/connectors/rest/auth/jwt-bearer.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { oauth2RefreshToken } from '../../../../src/connectors/rest/auth/oauth2-refresh-token.ts'
import type { Authorization } from '../../../../src/connectors/rest/http/types.ts'
import { Clock } from './clock.ts'
import { authorizationHeader } from './requests.ts'

let server: OAuth2Server
let tokenUrl = ''
beforeEach(async () => {
  server = new OAuth2Server()
  await server.issuer.keys.generate('RS256')
  await server.start(0, '127.0.0.1')
  tokenUrl = `http://127.0.0.1:${server.address().port}/token`
})
afterEach(() => server.stop())

async function claims(authorization: Authorization): Promise<JWTPayload> {
  const token = (await authorizationHeader(authorization))?.replace('Bearer ', '') ?? ''
  const keys = createRemoteJWKSet(new URL('/jwks', tokenUrl))
  return (await jwtVerify(token, keys)).payload
}

describe('with a server written by others', () => {
  it('client credentials get a token', async () => {
    const client = { clientId: 'etl', clientSecret: 'cl1ent-s3cret', scope: ['read', 'write'] }
    expect(await claims(oauth2ClientCredentials({ tokenUrl, ...client }))).toMatchObject({ scope: 'read write' })
  })

  it('a refresh token gets one, together with an ID token and its own successor', async () => {
    const clock = new Clock()
    const kept: string[] = []
    const sent: unknown[] = []
    server.service.on('beforeResponse', (_, { body }) => sent.push(body.refresh_token))
    const authorization = oauth2RefreshToken({
      ...{ tokenUrl, clientId: 'etl', clientAuth: 'none', refreshToken: 'first', scheduler: clock },
      onRotated: (token) => kept.push(token),
    })
    expect(await claims(authorization)).toMatchObject({ sub: 'johndoe' })
    clock.ms += 3_600_000
    await claims(authorization)
    expect(sent).toEqual(['first', kept[0]])
    expect(new Set(kept).size).toBe(2)
  })

  it('a signed assertion gets one', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const authorization = jwtBearer({ tokenUrl, issuer: 'etl', subject: 'somebody', key, scope: 'read' })
    expect(await claims(authorization)).toMatchObject({ sub: 'somebody', scope: 'read' })
  })
})
