/** A request that was answered with an error. `retryable` and `retryAfter` (milliseconds) are what sluice's retry policy looks at. */
export class HttpError extends Error {
  readonly status: number
  readonly retryable: boolean
  readonly retryAfter: number | undefined

  constructor(url: string, response: Response, body: string) {
    const excerpt = body.trim().slice(0, 200)
    super(`${response.status} from ${url}${excerpt === '' ? '' : `: ${excerpt}`}`)
    this.status = response.status
    this.retryable = response.status >= 500 || [408, 425, 429].includes(response.status)
    this.retryAfter = retryAfterMs(response.headers.get('retry-after'))
  }
}

export interface JsonAnswer<T> {
  readonly value: T
  readonly headers: Headers
}

export interface RequestOptions {
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds, answer and body. @default 10_000 */
  readonly timeoutMs?: number
}

/** The JSON at a URL. Rejects with {@link HttpError} for any status but 2xx, and with what `fetch` says about lost connections. */
export async function getJson<T>(
  url: string,
  { signal, timeoutMs = 10_000 }: RequestOptions = {},
): Promise<JsonAnswer<T>> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
  if (!response.ok) throw new HttpError(url, response, await response.text())
  return { value: (await response.json()) as T, headers: response.headers }
}

/** Whether a URL answers at all, soon. */
export async function answers(url: string, timeoutMs = 2_000): Promise<boolean> {
  try {
    await getJson(url, { timeoutMs })
    return true
  } catch {
    return false // no network, no such host, a proxy's error page: whatever it is, there is nothing to read from
  }
}

/** The header holds seconds or a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
