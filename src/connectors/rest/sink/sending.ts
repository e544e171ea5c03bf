import { firstValueFrom, merge, Observable } from 'rxjs'
import type { Circuit } from '../../../circuit.ts'
import { retryDelay } from '../../../retry.ts'
import { HttpError } from '../http/http-error.ts'
import type { ClientSettings } from '../http/options.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../http/types.ts'
import { wait } from '../http/wait.ts'
import { handOnWaits, waitAfter, waitsOf } from '../http/waits.ts'
import { abortable } from '../source/abortable.ts'

/** Sends a request until it has an answer. */
export type Send = <T>(
  request: HttpRequest,
  take: (response: HttpResponse) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>

/** Fails when the client gives up. */
export function sendingBy(client: HttpClient): Send {
  return (request, take, signal) => client.send(request, take, { signal })
}

/**
 * Goes on for as long as the receiver is down, with one call at a time once the circuit is open: its pause then takes the place of the delays.
 * Fails with what trying again doesn't help.
 * @param client must try once only: each of its calls counts.
 */
export function sendingThrough(
  circuit: Circuit,
  client: HttpClient,
  { retry, scheduler }: Pick<ClientSettings, 'retry' | 'scheduler'>,
): Send {
  const endless = { ...retry, maxAttempts: Infinity }
  const computed = { ...endless, retryAfter: () => undefined }
  return async (request, take, signal) => {
    let others = 0
    for (let attempt = 1; ; attempt++) {
      const passed = circuit.state === 'closed' ? undefined : waitsOf(signal)?.begin('breaker')
      try {
        const call = circuit.guard(
          abortable((ended) => {
            passed?.()
            handOnWaits(signal, ended)
            return client.send(request, take, { signal: ended })
          }),
        )
        return await firstValueFrom(merge(failureOf(signal), call)).finally(passed)
      } catch (error) {
        signal.throwIfAborted()
        const asked = retryDelay(endless, attempt, error)
        // An answer that is there, and says neither "down" nor "slow down", is no outage: it is tried as often as without a breaker.
        const isOver = !isPassing(error) && retryDelay(retry, ++others, error) === undefined
        if (asked === undefined || isOver) throw error
        // Who asks to come back at once would be asked again and again.
        const delayMs = asked > 0 ? asked : (retryDelay(computed, attempt, error) ?? 0)
        if (circuit.state === 'closed' || retry.retryAfter(error) !== undefined)
          await wait(delayMs, scheduler, signal, waitAfter(error))
      }
    }
  }
}

/** Whether a receiver is in trouble. One that asks to slow down is not. */
export function isOutage(error: unknown, retryable: (error: unknown) => boolean): boolean {
  return retryable(error) && isPassing(error) && !(error instanceof HttpError && error.status === 429)
}

/** No answer, or one that says that the receiver is down or has too much to do. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof HttpError) || error.status === undefined) return !(error instanceof SyntaxError)
  return error.status >= 500 || [408, 425, 429].includes(error.status)
}

function failureOf(signal: AbortSignal): Observable<never> {
  return new Observable((subscriber) => {
    const fail = (): void => subscriber.error(signal.reason)
    if (signal.aborted) return fail()
    signal.addEventListener('abort', fail, { once: true })
    return () => signal.removeEventListener('abort', fail)
  })
}
