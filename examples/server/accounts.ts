import { randomUUID, timingSafeEqual } from 'node:crypto'
import { type Api, BadRequest, integer, json, jsonError } from './api.ts'

/** Who may ask for tokens. No secret worth keeping: the server listens on this machine only, and lives as long as the example. */
export const exampleClient = { id: 'example', secret: 'of-no-use-elsewhere' } as const

export const accountCount = 5_000

const pageSize = 100
/** A token is taken back after so many requests, long before it expires. */
const usesOfAToken = 20

/** `POST /oauth/token`: OAuth 2.0 client credentials, the client shown by HTTP Basic. */
export interface TokensApi extends Api {
  /** Uses a token once. `false` for one that isn't known, or isn't any more. */
  readonly use: (authorization: string | undefined) => boolean
}

export function tokensApi(): TokensApi {
  const uses = new Map<string, number>()
  return {
    methods: ['POST'],
    answer: (_query, _now, { headers, body }) => {
      if (!isClient(headers.authorization)) return json(401, { error: 'invalid_client' })
      if (new URLSearchParams(body).get('grant_type') !== 'client_credentials')
        return json(400, { error: 'unsupported_grant_type' })
      const token = randomUUID()
      uses.set(`Bearer ${token}`, usesOfAToken)
      return json(
        200,
        { access_token: token, token_type: 'Bearer', expires_in: 3_600 },
        { 'cache-control': 'no-store' },
      )
    },
    refuse: jsonError,
    use: (authorization = '') => {
      const left = uses.get(authorization) ?? 0
      uses.set(authorization, left - 1)
      return left > 0
    },
  }
}

/** `GET /accounts?page=`: 5,000 accounts, a hundred a page from page 1, with `pages` in the body; for whoever has a token. */
export function accountsApi(tokens: TokensApi): Api {
  return {
    answer: (query, _now, { headers }) => {
      if (!tokens.use(headers.authorization))
        return json(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer' })
      const page = integer(query, 'page', 1)
      if (page === 0) throw new BadRequest('page must be an integer from 1, and it is 0')
      const first = (page - 1) * pageSize
      const length = Math.max(0, Math.min(pageSize, accountCount - first))
      const accounts = Array.from({ length }, (_, index) => account(first + index + 1))
      return json(200, { accounts, page, pages: Math.ceil(accountCount / pageSize) })
    },
    refuse: jsonError,
  }
}

/** The account of an id, 1 to 5,000, as the API gives it. */
export function account(id: number) {
  return { id, owner: `owner ${id}`, balance: `${(id * 7_919) % 10_000}.${String(id % 100).padStart(2, '0')}` }
}

/** Id and secret are form-encoded before they become a user and a password (RFC 6749, section 2.3.1). */
function isClient(authorization = ''): boolean {
  const shown = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
  const given = Buffer.from(shown.split(':').map(formDecoded).join(':'))
  const expected = Buffer.from(`${exampleClient.id}:${exampleClient.secret}`)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function formDecoded(text: string): string {
  return new URLSearchParams(`_=${text}`).get('_') ?? ''
}
