import { rules, validateOptions } from '../../../options.ts'
import { type FollowOptions, follow, followed, originsRule } from './follow.ts'
import { parseLinks } from './parse-links.ts'
import type { Pagination } from './types.ts'

/** Options of {@link linkHeader}. */
export interface LinkHeaderOptions extends FollowOptions {
  /** The relation of the next page's link. @default 'next' */
  readonly rel?: string
}

/**
 * Each page has a `Link` header (RFC 8288) with the URL of the next one; the last page's has none with that relation.
 * Method, headers and body stay those of the first request; its `params` aren't sent again, the URL has its own.
 * @throws OptionError
 */
export function linkHeader(options: LinkHeaderOptions = {}): Pagination {
  validateOptions('linkHeader', options, { rel: rules.string, origins: originsRule })
  const rel = (options.rel ?? 'next').toLowerCase()
  return {
    name: 'link header',
    first: {},
    request: (state, base) => follow(state, base, options),
    next: (_state, page) => {
      const link = parseLinks(page.headers.link ?? '').find(({ rels }) => rels.includes(rel))
      return link === undefined ? undefined : followed(link.target, page)
    },
  }
}
