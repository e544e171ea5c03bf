import type { Readable } from 'node:stream'

/** A value of a query parameter. A list repeats the name; `undefined` leaves it out. */
export type ParamValue =
  | string
  | number
  | bigint
  | boolean
  | readonly (string | number | bigint | boolean)[]
  | undefined

/** What a request carries. */
export type RequestBody =
  | { readonly json: unknown }
  | { readonly form: Readonly<Record<string, ParamValue>> }
  | { readonly text: string; readonly contentType: string }

/** One request, as a source or a sink states it: everything but who asks and how it survives. A plain value that can be sent again. */
export interface HttpRequest {
  /** @default 'GET' */
  readonly method?: string
  /** Absolute, http or https. It may have a query; `params` are added to it and win over it. */
  readonly url: string
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  /** What it costs of a budget. @default 1 */
  readonly weight?: number
}

/** An answer whose status and headers have arrived. */
export interface HttpResponse {
  readonly status: number
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Where it came from, after redirects. */
  readonly url: string
  /** Bytes, already decompressed (gzip, deflate, br). Fails when the body is cut short. */
  readonly body: Readable
  /** Takes out of a text what the request said in secret: for errors about a body that is still read when `take` has settled. */
  readonly hide?: (text: string) => string
}

/** How one call of a client may be stopped. */
export interface SendOptions {
  /** Ends waiting, sending and receiving. */
  readonly signal?: AbortSignal
}

/**
 * Sends requests and survives what can be survived: budget, authorisation, time-outs, retries, filters.
 * One client is shared by all partitions of a reader or a writer.
 */
export interface HttpClient {
  /**
   * Sends until an answer is good, and gives that answer to `take`. What `take` throws counts as a failure of the attempt (a body that was cut short,
   * JSON that doesn't parse) and is retried under the same policy; its body is thrown away. So is the body of a good answer that nobody is reading when
   * `take` settles, and its connection with it where more was to come: `body.resume()` keeps that. Whoever goes on reading (an open iterator, a pipe) holds the connection until
   * the body ends or is destroyed.
   * @throws HttpError after the last attempt, or at once when trying again can't help.
   */
  readonly send: <T>(
    request: HttpRequest,
    take: (response: HttpResponse) => Promise<T>,
    options?: SendOptions,
  ) => Promise<T>
  /** Closes connections. */
  readonly close: () => Promise<void>
}

/** What a request is about to be sent with: an {@link Authorization} may change it. */
export interface OutgoingRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Record<string, string>
}

/** Adds who asks to a request. */
export interface Authorization {
  /** Shown in errors: `bearer`, `oauth2 client credentials`, … */
  readonly name: string
  /** Called before every attempt. Changes headers, or gives back another URL (an API key in the query). */
  readonly authorize: (request: OutgoingRequest, signal: AbortSignal | undefined) => Promise<OutgoingRequest>
  /**
   * The answer was 401 (or a filter said so): forget what was used. Answers whether there is hope that a further attempt fares better;
   * the client asks once, and once more after each delay of its retries. Concurrent calls lead to one renewal.
   */
  readonly refused?: (request: OutgoingRequest) => Promise<boolean>
  /** Takes what it has sent out of a text that may quote it: the body of an answer, a URL. For errors; names alone don't tell every secret (`?appid=…`). */
  readonly hide?: (text: string) => string
  /** Options of the TLS connection that are part of who asks: a client certificate. */
  readonly tls?: {
    readonly cert?: string | Buffer
    readonly key?: string | Buffer
    readonly passphrase?: string
    readonly pfx?: Buffer
  }
}
