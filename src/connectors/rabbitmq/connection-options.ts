import type { Options, SocketOptions } from 'amqplib'
import { credentials } from 'amqplib'
import { type ConnectionTls, nodeTls } from '../../connection-tls.ts'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, oneOf, required, rules } from '../../options.ts'
import { type RetryPolicy, retryPolicy } from '../../retry.ts'

/** How a broker is reached. */
export interface RabbitConnectionOptions {
  /** `amqp://user:password@host:5672/vhost`, `amqps://` for TLS; several are the nodes of one cluster, tried in turn. */
  readonly url: string | readonly string[]
  /** With `amqps://` only. */
  readonly tls?: ConnectionTls
  /** `external`: the broker takes the user from the client's certificate (its plugin rabbitmq_auth_mechanism_ssl). @default 'plain' */
  readonly auth?: 'plain' | 'external'
  /** @default that of the URL, else '/' */
  readonly vhost?: string
  /** Two of them without a sign of life end a connection. Whole seconds; 0 turns them off. @default '10 seconds' */
  readonly heartbeat?: Duration
  /** Shown in the broker's lists. @default 'sluice' */
  readonly connectionName?: string
  /** For TCP, TLS and handshake together, and for every answer while a channel is made. @default '10 seconds' */
  readonly connectTimeout?: Duration
  /** How long a call waits for a usable channel before it fails; the connection is tried on. @default '30 seconds' */
  readonly openTimeout?: Duration
  /** Delays between attempts to connect; there is no last one. @default 100 ms · 2ⁿ with full jitter, 10 s at most */
  readonly reconnect?: Partial<Pick<RetryPolicy, 'initialDelayMs' | 'maxDelayMs' | 'factor' | 'random'>>
}

/** The same with its defaults, ready for the client. */
export interface RabbitConnectionSettings {
  /** One for each URL. */
  readonly targets: readonly (Options.Connect & { readonly hostname: string; readonly port: number })[]
  readonly socket: SocketOptions
  readonly connectTimeoutMs: number
  readonly openTimeoutMs: number
  readonly reconnect: RetryPolicy
}

const isUrl = (value: unknown): boolean => typeof value === 'string' && URL.canParse(value) && isUsable(new URL(value))

/** Its parts are given to the client decoded. */
function isUsable({ protocol, username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part)
  } catch {
    return false
  }
  return protocol === 'amqp:' || protocol === 'amqps:'
}

/** For `validateOptions` of whoever takes these options together with others. */
export const connectionRules = {
  url: required({
    expected: 'a URL amqp://… or amqps://… (a % in it as %25), or a list of them',
    accepts: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isUrl) : isUrl(value)),
    secret: true,
  }),
  tls: rules.object,
  auth: oneOf('plain', 'external'),
  vhost: rules.string,
  heartbeat: {
    expected: 'whole seconds, such as "10 seconds"; 0 turns it off',
    accepts: (value) =>
      durationRule.accepts(value) && durationMs(value as Duration, 'rabbitmq', 'heartbeat') % 1000 === 0,
  },
  connectionName: rules.string,
  connectTimeout: positiveDurationRule,
  openTimeout: positiveDurationRule,
  reconnect: rules.object,
} as const satisfies Record<keyof RabbitConnectionOptions, OptionRule>

/**
 * @param owner whose options they are: the errors begin with it. The names and values were checked with {@link connectionRules}.
 * @throws OptionError
 */
export function connectionSettings(owner: string, options: RabbitConnectionOptions): RabbitConnectionSettings {
  const { tls = {}, auth = 'plain', connectionName = 'sluice', reconnect = {} } = options
  const socketTls = nodeTls(owner, tls)
  const urls = (typeof options.url === 'string' ? [options.url] : options.url).map((url) => new URL(url))
  const plain = urls.filter(({ protocol }) => protocol === 'amqp:')
  if (plain.length > 0 && (Object.keys(tls).length > 0 || auth === 'external'))
    throw new OptionError(`${owner}: options "tls" and auth "external" need a URL amqps://…, and this is amqp://…`)
  if (auth === 'external' && (tls.cert === undefined || tls.key === undefined))
    throw new OptionError(`${owner}: auth "external" needs the client's certificate: options tls.cert and tls.key`)
  const connectTimeoutMs = durationMs(options.connectTimeout ?? 10_000, owner, 'connectTimeout')
  const heartbeat = durationMs(options.heartbeat ?? 10_000, owner, 'heartbeat') / 1000
  return {
    targets: urls.map((url) => ({
      protocol: url.protocol.slice(0, -1),
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || (url.protocol === 'amqp:' ? 5672 : 5671),
      username: decodeURIComponent(url.username) || 'guest',
      password: decodeURIComponent(url.password) || 'guest',
      // The client decodes it once more.
      vhost: encodeURIComponent(options.vhost ?? (decodeURIComponent(url.pathname.slice(1)) || '/')),
      heartbeat,
    })),
    socket: {
      ...socketTls,
      noDelay: true,
      timeout: connectTimeoutMs,
      clientProperties: { connection_name: connectionName },
      ...(auth === 'external' ? { credentials: credentials.external() } : {}),
    },
    connectTimeoutMs,
    openTimeoutMs: durationMs(options.openTimeout ?? 30_000, owner, 'openTimeout'),
    reconnect: retryPolicy(`${owner}: reconnect`, { maxDelayMs: 10_000, ...reconnect, maxAttempts: Infinity }),
  }
}
