import { epochMs } from '../../../instant.ts'
import type { Zone } from './zone.ts'

const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/

/** What most APIs write; `Date.parse` alone is a quarter of what looking closer costs. */
const plain = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/

/**
 * The instant that an API's text names, in milliseconds, cut where it is finer; `undefined` for what is none, and for a time without a zone where no zone is known.
 * A date alone is its midnight (in UTC where no zone is known).
 */
export function timeOfText(text: string, zone: Zone | undefined): number | undefined {
  if (plain.test(text)) {
    const ms = Date.parse(text)
    // It takes February 30th for March 2nd, and 24:00 for the next day.
    return new Date(ms).getUTCDate() === Number(text.slice(8, 10)) ? ms : undefined
  }
  const [, date, minutes = '00:00', seconds = '00', fraction = '', offset] = iso.exec(text) ?? []
  if (date === undefined) return undefined
  const wall = epochMs(`${date}T${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  if (wall === undefined) return undefined
  if (offset !== undefined) return wall - offsetMs(offset)
  if (zone !== undefined) return zone.instant(wall)
  return text.length === date.length ? wall : undefined
}

function offsetMs(text: string): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(text) ?? []
  if (sign === undefined) return 0
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1)
}
