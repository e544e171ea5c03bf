import { redact } from '../../../redact.ts'
import { HttpError } from '../http/http-error.ts'
import { withinTime } from '../http/within-time.ts'
import type { TokenSettings } from './token-options.ts'

/**
 * Does what a token request needs besides the request (asks a vault, signs): a function that never ends must not hold up all who need the token.
 * @param what named in the error.
 * @throws HttpError (retryable) when it takes longer than the option `timeout`.
 */
export function inTime<T>(
  owner: string,
  { tokenUrl, timeoutMs, scheduler }: TokenSettings,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const late = (): HttpError =>
    new HttpError(`${owner}: ${what} took longer than the ${timeoutMs} ms that "timeout" allows`, {
      method: 'POST',
      url: redact(tokenUrl),
      retryable: true,
    })
  return withinTime({ ms: timeoutMs, scheduler, late }, work)
}
