import { PortError } from '../../../errors.ts'
import { rules, validateOptions } from '../../../options.ts'
import { type Detected, detect, detectedPagination, refuseOtherPage } from './detect.ts'
import type { PageEnd, PageState, Pagination } from './types.ts'

/** Options of {@link automatic}. */
export interface AutomaticOptions {
  /**
   * Is told what was found, as the code that would state it: once for each different text.
   * Also when nothing was found and the page has 10 rows or more; without `onDetect` that is an error, as nobody would learn that the others are missing.
   */
  readonly onDetect?: (text: string) => void
}

/**
 * Finds out from the first page how to get the next one: a `Link` header, the URL of the next page or a cursor in the body under one of the usual names,
 * or a page that says where it stands among how many. What is found holds for the whole run, and a wrong guess is an error, as the answers don't go on.
 *
 * A page that says there is more, in no known way, is an error. So is one of 10 rows or more that says nothing: it may be the first of many. With fewer it is the only one.
 * State the pagination once it is known: then a change of the API is an error instead of another guess.
 * @throws OptionError
 */
export function automatic(options: AutomaticOptions = {}): Pagination {
  validateOptions('automatic', options, { onDetect: rules.function })
  const { onDetect } = options
  const told = new Set<string>()
  const tell = (text: string): void => {
    if (told.has(text)) return
    told.add(text)
    onDetect?.(text)
  }

  const detectFirst = (page: PageEnd): Detected => {
    const found = detect(page)
    if (found.by !== 'nothing' || !looksFull(page.count)) tell(detectedPagination(found).text)
    else if (onDetect !== undefined)
      tell(`${detectedPagination(found).text}, and ${page.count} rows may be a full page`)
    else throw refuseFull(page.count)
    return found
  }

  return {
    name: 'automatic',
    first: {},
    request: (state, base) => {
      const found = detectedIn(state)
      if (found === undefined) return base
      if (found.by !== 'link' && found.by !== 'url' && base.body !== undefined) throw refuseBody(found)
      return detectedPagination(found).pagination.request(state, base)
    },
    next: (state, page) => {
      const earlier = detectedIn(state)
      const found = earlier ?? detectFirst(page)
      const { pagination } = detectedPagination(found)
      if (earlier !== undefined) refuseOtherPage(found, Number(state.offset ?? state.page), page)
      const next = pagination.next(earlier === undefined ? pagination.first : state, page)
      return next === undefined ? undefined : { ...found, ...next }
    },
    overlap: (next) => {
      const found = detectedIn(next)
      return (found && detectedPagination(found).pagination.overlap?.(next)) ?? next
    },
    rest: (page) => {
      const found = detectFirst(page)
      return detectedPagination(found)
        .pagination.rest?.(page)
        ?.map((state) => ({ ...found, ...state }))
    },
  }
}

/** The state of a page after the first holds what was detected on the first. */
function detectedIn(state: PageState): Detected | undefined {
  return state.by === undefined ? undefined : (state as Detected)
}

/** Pages have any size, and one that was left out is never missed. Fewer rows than this fill hardly any. */
function looksFull(count: number): boolean {
  return count >= 10
}

function refuseFull(count: number): PortError {
  return new PortError(
    `expected to find out how to get the next page, found no sign of one, and ${count} rows may be a full page. State "pagination": singlePage() if this is all`,
  )
}

function refuseBody({ by }: Detected): PortError {
  return new PortError(
    `expected a request without a body, found one: by ${by === 'page' ? 'page number' : by} it isn't known where the next page is asked for. State "pagination"`,
  )
}
