import { asyncScheduler } from 'rxjs'
import type { Authorization, OutgoingRequest } from '../http/types.ts'
import { SentSecrets } from './hide.ts'
import type { Place } from './place.ts'
import type { Secret } from './secret.ts'

/** A file that is mounted and replaced (by an orchestrator, say) is looked at once a minute, and after each refusal. */
const fileAgeMs = 60_000

/** What is sent, and what of it is nobody's business. */
export interface Proof {
  readonly value: string
  readonly secrets: readonly string[]
}

/**
 * An authorization that sends secrets as they are. A text stands once and for all; a function is asked for each request; files are read anew after a minute.
 * After a refusal everything is read anew: there is hope if that gives something else.
 * @param name shown in errors.
 * @param secrets what `prove` reads.
 */
export function fixed(
  name: string,
  place: Place,
  secrets: readonly (Secret | undefined)[],
  prove: () => Promise<Proof>,
): Authorization {
  const isAsked = secrets.some((secret) => typeof secret === 'function')
  const isMounted = secrets.some((secret) => typeof secret === 'object' && 'file' in secret)
  const maxAgeMs = isAsked ? 0 : isMounted ? fileAgeMs : Infinity
  let held: { readonly proof: Promise<Proof>; readonly at: number } | undefined
  const sent = new SentSecrets()

  const current = async (signal?: AbortSignal): Promise<string> => {
    const now = asyncScheduler.now()
    if (held === undefined || Math.abs(now - held.at) >= maxAgeMs) held = { proof: prove(), at: now }
    const mine = held
    const forget = (): void => {
      if (held === mine) held = undefined
    }
    // Nobody waits for ever for what hangs: the next request asks anew.
    signal?.addEventListener('abort', forget, { once: true })
    try {
      const proof = await mine.proof
      sent.add(...proof.secrets)
      return proof.value
    } catch (error) {
      forget()
      throw error
    } finally {
      signal?.removeEventListener('abort', forget)
    }
  }

  return {
    name,
    authorize: async (request: OutgoingRequest, signal: AbortSignal | undefined) =>
      place.put(request, await current(signal)),
    refused: async (request: OutgoingRequest) => {
      const used = place.take(request)
      if (used === undefined) return false
      held = undefined
      return (await current()) !== used
    },
    hide: (text: string) => sent.hide(text),
  }
}
