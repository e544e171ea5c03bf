import { type OptionRule, rules, validateOptions } from './options.ts'

/** TLS of a connection that a driver makes. Certificates and keys are PEM, as text or bytes. */
export interface ConnectionTls {
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

/** The same as Node's `tls` takes it. */
export interface NodeTls {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
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
} as const satisfies Record<keyof ConnectionTls, OptionRule>

/** @param owner whose options they are: the errors begin with it. @throws OptionError */
export function nodeTls(owner: string, tls: ConnectionTls): NodeTls {
  validateOptions(`${owner}: tls`, tls, tlsRules)
  const { ca, cert, key, ...rest } = tls
  const pems = Object.entries({ ca, cert, key }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value : Buffer.from(value)] as const],
  )
  return { ...Object.fromEntries(pems), ...rest }
}
