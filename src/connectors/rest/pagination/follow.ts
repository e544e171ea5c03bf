import { PortError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'
import { redact } from '../../../redact.ts'
import type { HttpRequest } from '../http/types.ts'
import type { PageEnd, PageState } from './types.ts'

/** What the paginations share that follow URLs an API gives. */
export interface FollowOptions {
  /**
   * Origins (`https://cdn.example.com`) that may be followed beside that of the first request: whoever is asked gets the credentials.
   * @default none
   */
  readonly origins?: readonly string[]
}

export const originsRule: OptionRule = {
  expected: 'a list of origins, as in https://api.example.com',
  accepts: (value) => Array.isArray(value) && value.every((origin) => URL.parse(origin)?.origin === origin),
}

/**
 * The state of a page at a URL, which may be relative to that of the page that names it. User and password in it are left out.
 * @throws PortError for what isn't a URL.
 */
export function followed(link: string, page: PageEnd): PageState {
  const url = URL.parse(link, page.url)
  if (url === null) throw new PortError(`expected the URL of the next page, found ${JSON.stringify(redact(link))}`)
  url.username = ''
  url.password = ''
  return { url: url.href }
}

/**
 * The request of a page that an API named. Its query is the URL's own: the `params` of the first request are in it, or were meant for the first.
 * @throws PortError for an origin that credentials aren't for.
 */
export function follow({ url }: PageState, base: HttpRequest, { origins = [] }: FollowOptions): HttpRequest {
  if (url === undefined) return base
  const [own, next] = [new URL(base.url).origin, new URL(String(url)).origin]
  if (next !== own && !origins.includes(next)) {
    throw new PortError(
      `expected the next page at ${own}, found it at ${next}; nothing was sent there, as it would get the credentials. If it may have them, name it in "origins"`,
    )
  }
  const { params: _, ...request } = base
  return { ...request, url: String(url) }
}
