import { asyncScheduler, type SchedulerLike } from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from '../../../duration.ts'
import { OptionError } from '../../../errors.ts'
import { type OptionRule, rules } from '../../../options.ts'
import type { TlsOptions } from '../http/tls.ts'

/** What all kinds of token requests share. */
export interface TokenOptions {
  /** The token endpoint: https, or http on this machine. */
  readonly tokenUrl: string
  /** Lets client secrets and tokens travel in clear text, over http to another machine. @default false */
  readonly allowHttp?: boolean
  /** What is asked for; several as a list. */
  readonly scope?: string | readonly string[]
  /** Further parameters of the token request, such as `resource`. They win over those of the grant. No place for secrets: errors may show them. */
  readonly extraParams?: Readonly<Record<string, string>>
  /** How long a token is taken to be good when the server doesn't say (`expires_in`). @default '5 minutes' */
  readonly defaultLifetime?: Duration
  /** How long before its end a token is renewed; never more than half its lifetime. @default 30 seconds or a tenth of the lifetime, whichever is more */
  readonly renewBefore?: Duration
  /** For a whole token request, and for what is read or called before and after it: secrets, `onRotated`. @default '30 seconds' */
  readonly timeout?: Duration
  /** Of the connection to the token endpoint: another authority, a client certificate. Not those of the API's requests. */
  readonly tls?: TlsOptions
  /** The clock. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

export const tokenRules = {
  tokenUrl: {
    expected: 'an absolute URL with http or https, without user and password',
    accepts: isUrl,
    required: true,
    secret: true,
  },
  allowHttp: rules.boolean,
  scope: {
    expected: 'a text or a list of texts',
    accepts: (value) => (Array.isArray(value) ? value : [value]).every(rules.string.accepts),
  },
  extraParams: rules.object,
  defaultLifetime: positiveDurationRule,
  renewBefore: positiveDurationRule,
  timeout: positiveDurationRule,
  tls: rules.object,
  scheduler: rules.object,
} as const satisfies Record<keyof TokenOptions, OptionRule>

function isUrl(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}

/** {@link TokenOptions} with their defaults filled in. */
export interface TokenSettings {
  readonly tokenUrl: string
  readonly scope: string | undefined
  readonly extraParams: Readonly<Record<string, string>>
  readonly defaultLifetimeMs: number
  readonly renewBeforeMs: (lifetimeMs: number) => number
  readonly timeoutMs: number
  readonly tls: TlsOptions | undefined
  readonly scheduler: SchedulerLike
}

/** For options that {@link tokenRules} accepted. @throws OptionError for http to another machine. */
export function tokenSettings(owner: string, options: TokenOptions): TokenSettings {
  const { tokenUrl, allowHttp = false, scope, extraParams = {}, renewBefore, tls, scheduler = asyncScheduler } = options
  const { protocol, hostname } = new URL(tokenUrl)
  if (protocol === 'http:' && !allowHttp && !isThisMachine(hostname))
    throw new OptionError(
      `${owner}: option "tokenUrl" is http to ${hostname}: secrets would travel in clear text; use https, or say allowHttp: true`,
    )
  const renewBeforeMs = renewBefore === undefined ? undefined : durationMs(renewBefore, owner, 'renewBefore')
  return {
    tokenUrl,
    scope: typeof scope === 'object' ? scope.join(' ') : scope,
    extraParams,
    defaultLifetimeMs: durationMs(options.defaultLifetime ?? '5 minutes', owner, 'defaultLifetime'),
    renewBeforeMs: (lifetimeMs) => renewBeforeMs ?? Math.max(30_000, lifetimeMs / 10),
    timeoutMs: durationMs(options.timeout ?? '30 seconds', owner, 'timeout'),
    tls,
    scheduler,
  }
}

function isThisMachine(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}
