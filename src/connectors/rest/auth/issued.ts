import type { Authorization, OutgoingRequest } from '../http/types.ts'
import { SentSecrets } from './hide.ts'
import { fitsHeader, header } from './place.ts'
import { TokenCache, type TokenCacheOptions } from './token-cache.ts'
import type { TokenSettings } from './token-options.ts'

const place = header('authorization')

/** How tokens come. */
export interface Issuing {
  /** Shown in errors. */
  readonly name: string
  readonly issue: TokenCacheOptions['issue']
  /** @default true */
  readonly mayBeLeft?: boolean
}

/** An authorization by a token that a server issues for a while. */
export function issued(
  { renewBeforeMs, scheduler }: TokenSettings,
  { name, issue, mayBeLeft = true }: Issuing,
): Authorization {
  const cache = new TokenCache({ issue, mayBeLeft, renewBeforeMs, scheduler })
  const sent = new SentSecrets()
  return {
    name,
    authorize: async (request: OutgoingRequest, signal: AbortSignal | undefined) => {
      const token = fitsHeader(await cache.get(signal), `${name}: the token`)
      sent.add(token)
      return place.put(request, `Bearer ${token}`)
    },
    refused: async (request: OutgoingRequest) => {
      const used = place.take(request)?.replace(/^Bearer /, '')
      if (used === undefined) return false
      cache.refuse(used)
      return true
    },
    hide: (text: string) => sent.hide(text),
  }
}
