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

/** Why there is nothing to read from a URL, in a few words; `undefined` when it answers. Whatever is in the way, it resolves soon. */
export async function whyUnreachable(url: string, timeoutMs = 2_000): Promise<string | undefined> {
  try {
    await getJson(url, { timeoutMs })
    return undefined
  } catch (error) {
    if (error instanceof HttpError) return `status ${error.status}`
    if (error instanceof SyntaxError) return 'an answer that is no JSON' // such as a proxy's page
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    if (!(cause instanceof Error)) return String(cause)
    if (cause.name === 'TimeoutError') return `nothing within ${timeoutMs / 1000} seconds`
    return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message
  }
}

/** The header holds seconds or a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
