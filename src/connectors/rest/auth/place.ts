import { OptionError } from '../../../errors.ts'
import type { OutgoingRequest } from '../http/types.ts'

/** Where a request carries who asks. */
export interface Place {
  /** A copy of the request that carries this, and nothing else there. */
  readonly put: (request: OutgoingRequest, value: string) => OutgoingRequest
  /** What a request carries there. */
  readonly take: (request: OutgoingRequest) => string | undefined
}

/** A header, whatever the case of its name. */
export function header(name: string): Place {
  const same = (other: string): boolean => other.toLowerCase() === name.toLowerCase()
  return {
    put: (request, value) => {
      const others = Object.entries(request.headers).filter(([other]) => !same(other))
      return { ...request, headers: { ...Object.fromEntries(others), [name]: value } }
    },
    take: ({ headers }) => Object.entries(headers).find(([other]) => same(other))?.[1],
  }
}

/** A query parameter. The rest of the query stays as it is written. */
export function queryParameter(name: string): Place {
  return {
    put: (request, value) => {
      const url = new URL(request.url)
      // An API that answers with the URL of the next page may have put the key into it.
      if (url.searchParams.has(name)) url.searchParams.set(name, value)
      else url.search += `${url.search === '' ? '?' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`
      return { ...request, url }
    },
    take: ({ url }) => url.searchParams.get(name) ?? undefined,
  }
}

/**
 * Refuses what a header can't carry, before the client's own error could quote it.
 * @param what named in the error.
 * @throws OptionError
 */
export function fitsHeader(value: string, what: string): string {
  const at = value.search(/[^\t\x20-\x7e]/)
  if (at < 0) return value
  const found = value[at] === '\n' || value[at] === '\r' ? 'a line break' : 'a character beyond ASCII'
  throw new OptionError(`${what} must fit into a header: it has ${found} as character ${at + 1} of ${value.length}`)
}
