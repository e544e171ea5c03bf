import { anonymous, type Outgoing } from './outgoing.ts'

const statuses = new Set([301, 302, 303, 307, 308])

/** Whether an answer sends elsewhere. */
export function isRedirect(status: number): boolean {
  return statuses.has(status)
}

/**
 * Where an answer sends a request, or in words why it isn't followed.
 *
 * Another origin gets neither credentials, nor headers that may be some, nor a body; https isn't left. What isn't a GET or HEAD is sent on only as it is
 * (307, 308): after 301 and 302 other clients make a GET of it, and its body is lost without a word. After 303 it has had its effect, and a GET fetches
 * what came of it.
 */
export function redirected(from: Outgoing, status: number, location: string | undefined): Outgoing | string {
  const url = location === undefined ? null : URL.parse(location, from.url.href)
  if (url === null) return 'it redirects without saying where'
  url.username = ''
  url.password = ''
  url.hash = ''
  if (!/^https?:$/.test(url.protocol)) return `it redirects to ${url.protocol}`
  if (from.url.protocol === 'https:' && url.protocol === 'http:') return `it redirects from https to http, ${url.host}`
  const isQuestion = from.method === 'GET' || from.method === 'HEAD'
  if (!isQuestion && status <= 302)
    return `it redirects a ${from.method}, which would lose its body; send it to the new URL`
  const next = isQuestion || status !== 303 ? { ...from, url } : asGet(from, url)
  if (url.origin === from.url.origin) return next
  if (next.body !== undefined)
    return `it redirects a body to another origin, ${url.origin}; send it there yourself if it may know it`
  return { ...next, headers: anonymous(next.headers) }
}

function asGet({ headers: { 'content-type': _, ...headers } }: Outgoing, url: URL): Outgoing {
  return { method: 'GET', url, headers, body: undefined }
}
