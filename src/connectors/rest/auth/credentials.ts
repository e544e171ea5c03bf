import { OptionError } from '../../../errors.ts'
import type { Authorization, OutgoingRequest } from '../http/types.ts'
import { findSecret, missingOf, notFound, type Secret, secretRule } from './secret.ts'

/** A place to look for a credential, under a name for the error. `secret: undefined` is an option that wasn't given. */
export interface CredentialStep {
  /** `'option "token"'`, `'managed identity'`, … Never the value. */
  readonly name: string
  readonly secret: Secret | undefined
}

/** The usual places. What isn't given is left to the next; the error lists it as tried. */
export interface CredentialPlaces {
  /** What the user wrote into the options. */
  readonly explicit?: string | undefined
  /** Where a secret store puts it: a file, a function, … */
  readonly secret?: Secret | undefined
  /** The name of an environment variable. */
  readonly env?: string | undefined
  /** Asks the platform who we are (a managed identity, an instance role). `undefined` says that this isn't such a platform; an error ends the search. */
  readonly provider?: Secret | undefined
}

/** Explicit option → secret → environment variable → provider. */
export function explicitFirst(places: CredentialPlaces): readonly CredentialStep[] {
  return inOrder(places, ['explicit', 'secret', 'env', 'provider'])
}

/** Provider → secret → environment variable → explicit option: where a platform's identity is to win over what is written down. */
export function providerFirst(places: CredentialPlaces): readonly CredentialStep[] {
  return inOrder(places, ['provider', 'secret', 'env', 'explicit'])
}

const placeNames = {
  explicit: 'explicit option',
  secret: 'secret',
  env: 'environment variable',
  provider: 'provider',
} as const satisfies Record<keyof CredentialPlaces, string>

function inOrder(places: CredentialPlaces, order: readonly (keyof CredentialPlaces)[]): readonly CredentialStep[] {
  return order
    .filter((place) => Object.hasOwn(places, place))
    .map((place) => {
      const name = placeNames[place]
      if (place !== 'env') return { name, secret: places[place] }
      return { name, secret: places.env === undefined ? undefined : { env: places.env } }
    })
}

/**
 * The first credential that is found, looked for in this order.
 *
 * ```ts
 * bearer(credentials(explicitFirst({ explicit: options.token, secret: { file: '/run/secrets/token' }, env: 'API_TOKEN' })))
 * credentials([oauth2ClientCredentials({ … }), apiKey({ … }), basic({ … })])
 * ```
 *
 * - Of secrets: a {@link Secret} that looks anew each time it is asked. A step may be a secret itself, or one under a name.
 * - Of authorizations: an {@link Authorization} that takes the first one whose secrets are found, at the first request, and stays with it.
 *
 * Only what isn't there (not given, no file, an empty value) is passed over. What fails (a file that may not be read, a provider that throws,
 * a server that refuses) is an error at once: going on with another identity would hide it.
 *
 * @throws OptionError when nothing is found, with all that was tried, in order, by name.
 */
export function credentials(steps: readonly (Secret | CredentialStep | undefined)[]): () => Promise<string>
export function credentials(steps: readonly Authorization[]): Authorization
export function credentials(
  steps: readonly (Secret | CredentialStep | undefined)[] | readonly Authorization[],
): (() => Promise<string>) | Authorization {
  if (!Array.isArray(steps) || steps.length === 0)
    throw new OptionError('credentials: expected a list of at least one place to look in')
  if (steps.every(isAuthorization)) return firstAuthorization(steps)
  return firstSecret(steps.map(toStep))
}

function firstSecret(steps: readonly CredentialStep[]): () => Promise<string> {
  return async function credentials() {
    const tried: string[] = []
    for (const { name, secret } of steps) {
      const result =
        secret === undefined ? { missing: name === '' ? 'a value: not given' : 'not given' } : await findSecret(secret)
      if ('value' in result) return result.value
      tried.push(name === '' ? result.missing : `${name}: ${result.missing}`)
    }
    throw nothingFound(tried)
  }
}

function firstAuthorization(steps: readonly Authorization[]): Authorization {
  const connected = steps.find((step) => 'tls' in step)
  if (connected !== undefined)
    throw new OptionError(
      `credentials: ${connected.name} belongs to the connection, which is made before the first request; give it as "auth" by itself or in "tls"`,
    )
  let chosen: Authorization | undefined
  return {
    get name() {
      return chosen?.name ?? 'credentials'
    },
    authorize: async (request, signal) => {
      if (chosen !== undefined) return chosen.authorize(request, signal)
      const tried: string[] = []
      for (const step of steps) {
        try {
          const authorized = await step.authorize(request, signal)
          chosen = step
          return authorized
        } catch (error) {
          const missing = missingOf(error)
          if (missing === undefined) throw error
          tried.push(`${step.name}: ${missing}`)
        }
      }
      throw nothingFound(tried)
    },
    refused: async (request: OutgoingRequest) => (await chosen?.refused?.(request)) ?? false,
    hide: (text: string) => steps.reduce((result, step) => step.hide?.(result) ?? result, text),
  }
}

function nothingFound(tried: readonly string[]): OptionError {
  const list = tried.join('; ')
  return notFound(`credentials: none was found. Tried, in this order: ${list}`, list)
}

function toStep(step: Secret | CredentialStep | undefined | Authorization, index: number): CredentialStep {
  const isNamed = typeof step === 'object' && 'name' in step && 'secret' in step
  const named: CredentialStep = isNamed ? step : { name: '', secret: step as Secret | undefined }
  if (typeof named.name === 'string' && (named.secret === undefined || isSecretOrEmpty(named.secret))) return named
  throw new OptionError(
    `credentials: step ${index + 1} must be ${secretRule.expected}, or { name, secret }, or all steps authorizations`,
  )
}

/** An empty text is an option that was left empty: not found rather than wrong. */
function isSecretOrEmpty(value: Secret): boolean {
  return typeof value === 'string' || secretRule.accepts(value)
}

function isAuthorization(step: unknown): step is Authorization {
  return typeof step === 'object' && step !== null && 'authorize' in step && typeof step.authorize === 'function'
}
