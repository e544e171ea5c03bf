import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { zoneOf } from '../../../src/connectors/records/zone.ts'

const at = (text: string): number => Date.parse(`${text}Z`)
const text = (ms: number): string => new Date(ms).toISOString().slice(0, 19)
const hour = 3_600_000

describe('a zone', () => {
  const berlin = zoneOf('Europe/Berlin')

  it('shows what its clocks show, summer and winter', () => {
    expect(text(berlin.wall(at('2026-07-01T12:00:00')))).toBe('2026-07-01T14:00:00')
    expect(text(berlin.wall(at('2026-01-01T12:00:00')))).toBe('2026-01-01T13:00:00')
    expect(text(zoneOf('Asia/Kathmandu').wall(at('2026-01-01T00:00:00')))).toBe('2026-01-01T05:45:00')
    expect(text(zoneOf('America/St_Johns').wall(at('2026-01-01T00:00:00')))).toBe('2025-12-31T20:30:00')
  })

  it('takes a wall time that comes twice for the first, and one that is skipped for when clocks were set forward', () => {
    expect(text(berlin.instant(at('2026-10-25T02:30:00')))).toBe('2026-10-25T00:30:00')
    expect(text(berlin.instant(at('2026-10-25T03:00:00')))).toBe('2026-10-25T02:00:00')
    expect(text(berlin.instant(at('2026-03-29T02:00:00')))).toBe('2026-03-29T01:00:00')
    expect(text(berlin.instant(at('2026-03-29T02:30:00')))).toBe('2026-03-29T01:00:00')
    expect(text(berlin.instant(at('2026-03-29T03:00:00')))).toBe('2026-03-29T01:00:00')
    expect(text(berlin.instant(at('2026-03-29T01:59:59')))).toBe('2026-03-29T00:59:59')
  })

  it('knows where an hour begins that comes twice', () => {
    const start = at('2026-10-25T00:00:00')
    expect(berlin.foldStart(start - 1)).toBeUndefined()
    expect(berlin.foldStart(start)).toBe(start)
    expect(berlin.foldStart(start + hour - 1)).toBe(start)
    expect(berlin.foldStart(start + hour)).toBeUndefined()
    expect(berlin.foldStart(at('2026-03-29T00:30:00'))).toBeUndefined()
    // Half an hour on Lord Howe Island.
    const lordHowe = zoneOf('Australia/Lord_Howe')
    const again = at('2026-04-04T14:30:00')
    expect(lordHowe.foldStart(again)).toBe(again)
    expect(lordHowe.foldStart(again - 1)).toBeUndefined()
    expect(lordHowe.foldStart(again + hour / 2 - 1)).toBe(again)
  })

  it('knows where a gap begins', () => {
    expect(berlin.gapStart(at('2026-03-29T01:59:59'))).toBeUndefined()
    expect(text(berlin.gapStart(at('2026-03-29T02:00:00')) ?? 0)).toBe('2026-03-29T02:00:00')
    expect(text(berlin.gapStart(at('2026-03-29T02:59:59')) ?? 0)).toBe('2026-03-29T02:00:00')
    expect(berlin.gapStart(at('2026-03-29T03:00:00'))).toBeUndefined()
    // Midnight in Cairo; half an hour on Lord Howe Island; a day in Samoa.
    expect(text(zoneOf('Africa/Cairo').gapStart(at('2026-04-24T00:10:00')) ?? 0)).toBe('2026-04-24T00:00:00')
    expect(text(zoneOf('Australia/Lord_Howe').gapStart(at('2026-10-04T02:29:59')) ?? 0)).toBe('2026-10-04T02:00:00')
    expect(text(zoneOf('Pacific/Apia').gapStart(at('2011-12-30T12:00:00')) ?? 0)).toBe('2011-12-30T00:00:00')
  })

  it('never takes a later wall time for an earlier instant', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo')
    // Around changes: quarters of an hour in the last week of March, April, September and October.
    const days = fc.constantFrom('2026-03-07', '2026-03-28', '2026-04-04', '2026-04-23', '2026-10-03', '2026-10-24')
    fc.assert(
      fc.property(zones, days, fc.nat(72 * 60), fc.nat(180), (name, day, minutes, later) => {
        const zone = zoneOf(name)
        const wall = at(`${day}T00:00:00`) + minutes * 60_000
        expect(zone.instant(wall + later * 60_000)).toBeGreaterThanOrEqual(zone.instant(wall))
      }),
    )
  })

  it('is refused when nobody knows it', () => {
    expect(() => zoneOf('Mars/Olympus')).toThrow(RangeError)
  })

  it('finds the instant of every wall time that is shown', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC')
    const instants = fc.integer({ min: at('1990-01-01T00:00:00'), max: at('2040-01-01T00:00:00') })
    fc.assert(
      fc.property(zones, instants, (name, ms) => {
        const zone = zoneOf(name)
        const found = zone.instant(zone.wall(ms))
        expect(zone.wall(found)).toBe(zone.wall(ms))
        // The earlier of two; then the later one lies in the second pass of that hour.
        expect(found === ms || (found < ms && zone.foldStart(found) !== undefined)).toBe(true)
      }),
    )
  })
})
