import { PortError } from '../../../errors.ts'
import { valueAt } from '../records/path.ts'
import { cursorPagination } from './cursor.ts'
import type { Field } from './field.ts'
import { linkHeader } from './link-header.ts'
import { nextUrl } from './next-url.ts'
import { offsetLimit } from './offset-limit.ts'
import { pageNumber } from './page-number.ts'
import {
  cursorSigns,
  moreSigns,
  offsetNames,
  pageCountNames,
  pageNames,
  standingIn,
  totalHeaders,
  totalNames,
  urlSigns,
} from './signs.ts'
import { singlePage } from './single-page.ts'
import type { PageEnd, Pagination } from './types.ts'

/** What a page told of its pagination. A plain value, so that it can be part of a state. */
export type Detected =
  | { readonly by: 'link' }
  | { readonly by: 'url'; readonly at: string }
  | { readonly by: 'cursor'; readonly at: string; readonly param: string; readonly more?: string }
  | { readonly by: 'offset'; readonly echo: string; readonly param: string; readonly total: string }
  | { readonly by: 'page'; readonly echo: string; readonly from: number; readonly pages: string }
  | { readonly by: 'end' }
  | { readonly by: 'nothing' }

/**
 * What a first page tells: a `Link` header, the URL of the next page, a cursor, or where it stands among how many.
 * @throws PortError where it says that there is more, and not in a known way how to get it.
 */
export function detect(page: PageEnd): Detected {
  const found = detectLink(page) ?? detectUrl(page) ?? detectCursor(page) ?? detectStanding(page)
  if (found !== undefined) return found
  const more = moreSigns.find((sign) => at(page, sign) === true)
  if (more !== undefined) throw undetected(`${shown(more)} is true`)
  const next = [...urlSigns, ...Object.keys(cursorSigns)].find((sign) => isGiven(at(page, sign)))
  if (next !== undefined) throw undetected(`${shown(next)} has a value`)
  const [total, where] = totalOf(page)
  if (total !== undefined && total > page.count) {
    throw undetected(`${where} is ${total}, and the page has ${page.count} rows`)
  }
  return { by: total !== undefined || saysEnd(page) ? 'end' : 'nothing' }
}

/** The pagination that was detected, and how a user would have stated it. */
export function detectedPagination(found: Detected): { readonly pagination: Pagination; readonly text: string } {
  switch (found.by) {
    case 'link':
      return { pagination: linkHeader(), text: 'linkHeader()' }
    case 'url':
      return { pagination: nextUrl({ path: names(found.at) }), text: `nextUrl({ path: ${written(found.at)} })` }
    case 'cursor': {
      const { param, more } = found
      const hasMore = more === undefined ? {} : { hasMore: names(more) }
      return {
        pagination: cursorPagination({ param, next: names(found.at), ...hasMore }),
        text: `cursorPagination({ param: '${param}', next: ${written(found.at)}${more === undefined ? '' : `, hasMore: ${written(more)}`} })`,
      }
    }
    case 'offset':
      return {
        pagination: offsetLimit({ offset: found.param, total: names(found.total) }),
        text: `offsetLimit({ offset: '${found.param}', total: ${written(found.total)} })`,
      }
    case 'page':
      return {
        pagination: pageNumber({ from: found.from, totalPages: names(found.pages) }),
        text: `pageNumber({ from: ${found.from}, totalPages: ${written(found.pages)} })`,
      }
    case 'end':
    case 'nothing':
      return { pagination: singlePage(), text: 'singlePage()' }
  }
}

/**
 * Where the parameter's name was a guess: the page says where it stands, and that has to be where it was asked to.
 * @throws PortError
 */
export function refuseOtherPage(found: Detected, asked: number, page: PageEnd): void {
  if (found.by !== 'offset' && found.by !== 'page') return
  const answered = at(page, found.echo)
  if (Number(answered) === asked) return
  const param = found.by === 'offset' ? found.param : 'page'
  throw new PortError(
    `expected a page with ${shown(found.echo)} ${asked}, as the query parameter "${param}" asked for, found ${String(answered)}; state "pagination" with the parameter's name`,
  )
}

function detectLink(page: PageEnd): Detected | undefined {
  return page.headers.link?.match(/\brel\s*=\s*"?(?:next|prev|first|last)\b/i) ? { by: 'link' } : undefined
}

function detectUrl(page: PageEnd): Detected | undefined {
  const sign = urlSigns.find((candidate) => /^(?:https?:\/\/|\/|\?)/.test(String(at(page, candidate))))
  return sign === undefined ? undefined : { by: 'url', at: sign }
}

function detectCursor(page: PageEnd): Detected | undefined {
  const isCursor = (value: unknown) => (typeof value === 'string' && value !== '') || typeof value === 'number'
  const found = Object.entries(cursorSigns).find(([sign]) => isCursor(at(page, sign)))
  if (found === undefined) return undefined
  const more = moreSigns.find((sign) => typeof at(page, sign) === 'boolean')
  return { by: 'cursor', at: found[0], param: found[1], ...(more === undefined ? {} : { more }) }
}

/** A page that says where it stands: `{ offset, total }`, `{ page, total_pages }`. */
function detectStanding(page: PageEnd): Detected | undefined {
  for (const place of standingIn) {
    const sign = (candidates: readonly string[]) =>
      candidates.map((name) => (place === '' ? name : `${place}/${name}`)).find((path) => isCount(at(page, path)))
    const [offset, total] = [sign(offsetNames), sign(totalNames)]
    if (offset !== undefined && total !== undefined && at(page, offset) === 0)
      return { by: 'offset', echo: offset, param: names(offset).at(-1) as string, total }
    const [number, pages] = [sign(pageNames), sign(pageCountNames)]
    const from = number === undefined ? undefined : at(page, number)
    if (number !== undefined && pages !== undefined && (from === 0 || from === 1))
      return { by: 'page', echo: number, from, pages }
  }
  return undefined
}

/** A next page that is `null`, or a flag that says no. */
function saysEnd(page: PageEnd): boolean {
  const isNone = (value: unknown) => value === null || value === '' || value === false
  return [...urlSigns, ...Object.keys(cursorSigns), ...moreSigns].some((sign) => isNone(at(page, sign)))
}

/** A name of the next page, of whatever kind. */
function isGiven(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(isGiven)
  return value !== undefined && value !== null && value !== '' && value !== false
}

function totalOf(page: PageEnd): [total: number | undefined, where: string] {
  for (const place of standingIn) {
    for (const name of totalNames) {
      const sign = place === '' ? name : `${place}/${name}`
      const value = at(page, sign)
      if (isCount(value)) return [value, shown(sign)]
    }
  }
  const header = totalHeaders.find((name) => /^\d+$/.test(page.headers[name] ?? ''))
  return header === undefined ? [undefined, ''] : [Number(page.headers[header]), `the header ${header}`]
}

function undetected(why: string): PortError {
  return new PortError(
    `expected to find out how to get the next page, as ${why}; found no way that is known. State "pagination": cursorPagination, nextUrl, offsetLimit or pageNumber`,
  )
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function names(sign: string): readonly string[] {
  return sign.split('/')
}

function at(page: PageEnd, sign: string): unknown {
  return valueAt(page.envelope, names(sign))
}

function shown(sign: string): string {
  return names(sign).join('.')
}

/** As a user writes the path. */
function written(sign: string): string {
  const path: Field = names(sign)
  return path.some((name) => name.includes('.')) ? JSON.stringify(path) : `'${path.join('.')}'`
}
