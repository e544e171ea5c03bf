import { firstValueFrom } from 'rxjs'
import { type OptionRule, required, validateOptions } from '../../../options.ts'
import { fromCommand, type Result } from '../../../result.ts'
import type { Authorization } from '../http/types.ts'
import { checkClient, clientRules, type OAuth2ClientOptions } from './client-authentication.ts'
import { hideInError } from './hide.ts'
import { inTime } from './in-time.ts'
import { issued } from './issued.ts'
import { readSecret, type Secret, secretRule } from './secret.ts'
import type { IssuedToken } from './token-cache.ts'
import { type GrantedToken, requestToken } from './token-endpoint.ts'
import { type TokenOptions, tokenRules, tokenSettings } from './token-options.ts'

/** Options of {@link oauth2RefreshToken}. */
export interface OAuth2RefreshTokenOptions extends TokenOptions, OAuth2ClientOptions {
  /**
   * The refresh token to begin with. It is read anew at each renewal, and where it has changed since the last one, it wins over one that the server has
   * handed out: somebody logged in anew.
   */
  readonly refreshToken: Secret
  /**
   * Keeps a refresh token for the next process: a server may hand out a new one with each use, and the old one is then void. Awaited before the new access
   * token is first used; called again until it succeeds. Not called while the refresh token stays the same.
   */
  readonly onRotated: (refreshToken: string) => Result<unknown>
}

const onRotatedRule: OptionRule = {
  expected:
    'a function that keeps a new refresh token for the next process; where the server never hands one out it is never called',
  accepts: (value) => typeof value === 'function',
}

/**
 * OAuth 2.0 refresh token (RFC 6749, section 6): the pipeline asks in the name of somebody who logged in once.
 * The access token lives as in {@link oauth2ClientCredentials}. A renewal under way is finished even when the pipeline ends meanwhile (which may keep the process
 * for the time of `timeout`): its answer may hold the only good refresh token. Only one process may use a refresh token that is replaced. Needs the package `oauth4webapi`.
 *
 * ```ts
 * oauth2RefreshToken({ tokenUrl, clientId, clientAuth: 'none', refreshToken: { file }, onRotated: (token) => writeFile(file, token, { mode: 0o600 }) })
 * ```
 *
 * @throws OptionError
 */
export function oauth2RefreshToken(options: OAuth2RefreshTokenOptions): Authorization {
  const owner = 'oauth2RefreshToken'
  validateOptions(owner, options, {
    ...tokenRules,
    ...clientRules,
    refreshToken: required(secretRule),
    onRotated: required(onRotatedRule),
  })
  checkClient(owner, options)
  const settings = tokenSettings(owner, options)
  const now = (): number => settings.scheduler.now()

  let configured: string | undefined
  let rotated: string | undefined
  /** Granted together with a refresh token that isn't kept yet. */
  let unkept: { readonly token: GrantedToken; readonly refreshToken: string; readonly expiresAt: number } | undefined

  const keep = async (): Promise<void> => {
    if (unkept === undefined) return
    const { refreshToken } = unkept
    try {
      await inTime(owner, settings, 'option "onRotated"', () =>
        firstValueFrom(fromCommand(() => options.onRotated(refreshToken))),
      )
    } catch (error) {
      throw hideInError(error, [refreshToken])
    }
    unkept = undefined
  }

  const issue = async (): Promise<IssuedToken> => {
    const late = unkept
    await keep()
    if (late !== undefined && late.expiresAt > now()) return { ...late.token, lifetimeMs: late.expiresAt - now() }

    const current = await inTime(owner, settings, 'option "refreshToken"', () =>
      readSecret(owner, 'refreshToken', options.refreshToken),
    )
    if (current !== configured) rotated = undefined
    configured = current
    const used = rotated ?? current
    const askedAt = now()
    const token = await requestToken(owner, settings, {
      client: options,
      grantType: 'refresh_token',
      parameters: { refresh_token: used },
      secrets: [used],
    })
    const { refreshToken = used } = token
    if (refreshToken !== used) {
      rotated = refreshToken
      unkept = { token, refreshToken, expiresAt: askedAt + token.lifetimeMs }
      await keep()
    }
    return token
  }
  return issued(settings, { name: 'oauth2 refresh token', issue, mayBeLeft: false })
}
