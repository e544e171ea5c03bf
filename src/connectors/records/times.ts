import { epochMs } from '../../instant.ts'
import type { Zone } from './zone.ts'

const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/

/**
 * The instant that an API's text names, in milliseconds, cut where it is finer; `undefined` for what is none, and for a time without a zone where no zone is known.
 * A date alone is its midnight (in UTC where no zone is known). A leap second (`23:59:60` in UTC) is the second after it, as clocks that don't show it count.
 */
export function timeOfText(text: string, zone: Zone | undefined): number | undefined {
  const plain = plainTime(text)
  if (plain !== undefined) return plain
  if (/:\d\d:60(?!\d)/.test(text)) {
    const before = timeOfText(text.replace(/(:\d\d):60/, '$1:59'), zone)
    const at = before === undefined ? Number.NaN : before + 1_000
    return at % 86_400_000 < 1_000 ? at : undefined
  }
  const [, date, minutes = '00:00', seconds = '00', fraction = '', offset] = iso.exec(text) ?? []
  if (date === undefined) return undefined
  const wall = epochMs(`${date}T${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  // 24:00 would be the next day.
  if (wall === undefined || new Date(wall).getUTCDate() !== Number(date.slice(8))) return undefined
  if (offset !== undefined) return wall - offsetMs(offset)
  if (zone !== undefined) return zone.instant(wall)
  return text.length === date.length ? wall : undefined
}

/**
 * What most APIs write: `2026-01-31T23:59:59Z`, with milliseconds or without. By hand, because every row has one:
 * a regular expression and `Date.parse` take a fifth of what reading a page takes. Anything else, and what names no time, is for who looks closer.
 */
function plainTime(text: string): number | undefined {
  const { length } = text
  if ((length !== 20 && length !== 24) || text.charCodeAt(length - 1) !== 90 || text.charCodeAt(10) !== 84)
    return undefined
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hours = twoDigits(text, 11)
  const minutes = twoDigits(text, 14)
  const seconds = twoDigits(text, 17)
  const ms = length === 20 ? 0 : text.charCodeAt(19) === 46 ? twoDigits(text, 20) * 10 + digit(text, 22) : Number.NaN
  // Some months have fewer than 31 days, for which the closer look is; a year before 100 would be taken for one of the twentieth century.
  if (!(year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= (daysAtLeast[month - 1] as number)))
    return undefined
  if (!(hours <= 23 && minutes <= 59 && seconds <= 59 && ms >= 0)) return undefined
  const date = (year * 12 + month) * 31 + day
  if (date !== lastDate) {
    lastDate = date
    lastMidnight = Date.UTC(year, month - 1, day)
  }
  return lastMidnight + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms
}

/** Rows that follow each other mostly have the same date. */
let lastDate = Number.NaN
let lastMidnight = Number.NaN

const daysAtLeast = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** NaN where there is anything else. */
function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1)
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48
  return value >= 0 && value <= 9 ? value : Number.NaN
}

function offsetMs(text: string): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(text) ?? []
  if (sign === undefined) return 0
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1)
}
