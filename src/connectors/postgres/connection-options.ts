import type { ClientConfig } from 'pg'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, required, rules, validateOptions } from '../../options.ts'

/** Certificates and keys, each as PEM text or bytes. */
export interface PostgresTls {
  /** Who may sign the server's certificate. @default the system's authorities */
  readonly ca?: string | Uint8Array
  /** The client's own certificate, with `key`. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  readonly passphrase?: string
  /** The name that the server's certificate must have. @default the host of the URL */
  readonly servername?: string
  /** `false` accepts any certificate: for tests only. @default true */
  readonly rejectUnauthorized?: boolean
}

/** How a server is reached. */
export interface PostgresConnectionOptions {
  /** `postgres://user:password@host:5432/database`. Never shown: not in errors, not in events. */
  readonly url: string
  /** TLS; `true`: with the system's authorities. @default as the URL's `sslmode` says, else none */
  readonly tls?: boolean | PostgresTls
  /** Shown in `pg_stat_activity`. @default 'sluice' */
  readonly applicationName?: string
  /** For TCP, TLS and the log-in together. @default '10 seconds' */
  readonly connectTimeout?: Duration
  /** The most time one statement may take at the server; a COPY that waits for rows is not one. 0: no limit. @default '1 minute' */
  readonly statementTimeout?: Duration
  /** The most time a statement may wait for a lock. 0: no limit. @default '30 seconds' */
  readonly lockTimeout?: Duration
}

/** The same with its defaults, ready for the client. */
export interface PostgresConnectionSettings {
  readonly client: ClientConfig
  /** Said to the server after the log-in. */
  readonly session: string
  readonly connectTimeoutMs: number
  /** After so long without an answer to a statement the connection is given up. Infinity: never. */
  readonly answerTimeoutMs: number
}

const pem: OptionRule = {
  expected: 'PEM text or bytes',
  accepts: (value) => rules.string.accepts(value) || value instanceof Uint8Array,
  secret: true,
}

const tlsRules = {
  ca: pem,
  cert: pem,
  key: pem,
  passphrase: { ...rules.string, secret: true },
  servername: rules.string,
  rejectUnauthorized: rules.boolean,
} as const satisfies Record<keyof PostgresTls, OptionRule>

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
  if (typeof tls === 'object') validateOptions(`${owner}: tls`, tls, tlsRules)
  if (tls !== undefined && /^ssl/.test([...new URL(url).searchParams.keys()].find((name) => /^ssl/.test(name)) ?? ''))
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
      ...(tls === undefined ? {} : { ssl: tls === true ? {} : tls === false ? false : bytesOf(tls) }),
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

function bytesOf({ ca, cert, key, ...rest }: PostgresTls): Exclude<ClientConfig['ssl'], boolean | undefined> {
  const pems = Object.entries({ ca, cert, key }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value : Buffer.from(value)] as const],
  )
  return { ...Object.fromEntries(pems), ...rest }
}
