import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { type ConnectionTls, nodeTls } from '../../connection-tls.ts'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, required, rules } from '../../options.ts'

/** How a server is reached. */
export interface PostgresConnectionOptions {
  /** `postgres://user:password@host:5432/database`. Never shown: not in errors, not in events. */
  readonly url: string
  /** TLS; `true`: with the system's authorities. @default as the URL's `sslmode` says, else none */
  readonly tls?: boolean | ConnectionTls
  /** Shown in `pg_stat_activity`. @default 'sluice' */
  readonly applicationName?: string
  /** For TCP, TLS and the log-in together. @default '10 seconds' */
  readonly connectTimeout?: Duration
  /** The most time one statement may take at the server; a COPY that waits for rows is not one. 0: no limit. @default '1 minute' */
  readonly statementTimeout?: Duration
  /** The most time a statement may wait for a lock. 0: no limit. @default '30 seconds' */
  readonly lockTimeout?: Duration
}

/** The part of the driver's options that is used: its own types are a package that whoever installs this one need not have. */
export interface DriverOptions {
  readonly connectionString: string
  readonly application_name: string
  readonly keepAlive: boolean
  readonly keepAliveInitialDelayMillis: number
  readonly ssl?: boolean | ConnectionOptions
}

/** The same with its defaults, ready for the client. */
export interface PostgresConnectionSettings {
  readonly client: DriverOptions
  /** Said to the server after the log-in. */
  readonly session: string
  readonly connectTimeoutMs: number
  /** After so long without an answer to a statement the connection is given up. Infinity: never. */
  readonly answerTimeoutMs: number
}

/** For `validateOptions` of whoever takes these options together with others. */
export const connectionRules = {
  url: required({
    expected: 'a URL postgres://user:password@host:5432/database',
    accepts: (value) =>
      typeof value === 'string' &&
      URL.canParse(value) &&
      ['postgres:', 'postgresql:'].includes(new URL(value).protocol),
    secret: true,
  }),
  tls: {
    expected: 'true, false or an object',
    accepts: (value) => typeof value === 'boolean' || rules.object.accepts(value),
    secret: true,
  },
  applicationName: rules.string,
  connectTimeout: positiveDurationRule,
  statementTimeout: durationRule,
  lockTimeout: durationRule,
} as const satisfies Record<keyof PostgresConnectionOptions, OptionRule>

/**
 * @param owner whose options they are: the errors begin with it. The names and values were checked with {@link connectionRules}.
 * @throws OptionError
 */
export function connectionSettings(owner: string, options: PostgresConnectionOptions): PostgresConnectionSettings {
  const { url, tls, applicationName = 'sluice' } = options
  const ssl = typeof tls === 'object' ? sslOf(owner, tls) : tls === true ? {} : tls
  if (tls !== undefined && [...new URL(url).searchParams.keys()].some((name) => name.startsWith('ssl')))
    throw new OptionError(
      `${owner}: TLS is set twice, by option "tls" and in the URL (sslmode …); expected one of them`,
    )
  const connectTimeoutMs = durationMs(options.connectTimeout ?? 10_000, owner, 'connectTimeout')
  const statementMs = durationMs(options.statementTimeout ?? 60_000, owner, 'statementTimeout')
  const lockMs = durationMs(options.lockTimeout ?? 30_000, owner, 'lockTimeout')
  return {
    client: {
      connectionString: url,
      application_name: applicationName,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      ...(ssl === undefined ? {} : { ssl }),
    },
    session: sessionText(statementMs, lockMs),
    connectTimeoutMs,
    answerTimeoutMs: statementMs === 0 ? Infinity : statementMs + 10_000,
  }
}

/**
 * Texts of times, floats and bytes as the decoders know them; a commit that is answered is on the server's disk, whatever its default;
 * and the server finds out within two minutes that this machine is gone, with the locks that it holds.
 */
function sessionText(statementMs: number, lockMs: number): string {
  return [
    `SET statement_timeout = ${statementMs}`,
    `SET lock_timeout = ${lockMs}`,
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO, YMD'",
    'SET bytea_output = hex',
    'SET extra_float_digits = 1',
    'SET tcp_keepalives_idle = 30',
    'SET tcp_keepalives_interval = 15',
    'SET tcp_keepalives_count = 6',
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
  ].join('; ')
}

/** The driver asks for the host's name in the certificate, whatever name it is given: so the name is checked here. */
function sslOf(owner: string, tls: ConnectionTls): ConnectionOptions {
  const { servername, ...rest } = nodeTls(owner, tls)
  if (servername === undefined) return rest
  return {
    ...rest,
    servername,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(servername, certificate),
  }
}
