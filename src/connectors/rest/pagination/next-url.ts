import { PortError } from '../../../errors.ts'
import { validateOptions } from '../../../options.ts'
import { type Field, fieldOf, fieldRule, showField } from './field.ts'
import { type FollowOptions, follow, followed, originsRule } from './follow.ts'
import type { Pagination } from './types.ts'

/** Options of {@link nextUrl}. */
export interface NextUrlOptions extends FollowOptions {
  /** Where a page says the URL of the next one: a path in the body, or a header. @default 'next' */
  readonly path?: Field
}

/**
 * Each page gives the URL of the next one, absolute or relative; the last one gives none, `null`, `false` or an empty text.
 * Method, headers and body stay those of the first request; its `params` aren't sent again, the URL has its own.
 * @throws OptionError
 */
export function nextUrl(options: NextUrlOptions = {}): Pagination {
  validateOptions('nextUrl', options, { path: fieldRule, origins: originsRule })
  const { path = 'next' } = options
  return {
    name: 'next url',
    first: {},
    request: (state, base) => follow(state, base, options),
    next: (_state, page) => {
      const url = fieldOf(page, path)
      if (url === undefined || url === null || url === '' || url === false) return undefined
      if (typeof url !== 'string') {
        throw new PortError(
          `expected a URL at ${showField(path)}, found ${typeof url === 'object' ? 'an object' : String(url)}`,
        )
      }
      return followed(url, page)
    },
  }
}
