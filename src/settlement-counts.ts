import type { SettlementCounts } from './source.ts'

/** Nothing yet. */
export const noSettlements: SettlementCounts = {
  acknowledged: 0,
  released: 0,
  stale: 0,
  redelivered: 0,
  deadLettered: 0,
}

/** One for each kind, by what two sources have of it. */
export function zipSettlements(
  a: SettlementCounts,
  b: SettlementCounts,
  each: (a: number, b: number) => number,
): SettlementCounts {
  return {
    acknowledged: each(a.acknowledged, b.acknowledged),
    released: each(a.released, b.released),
    stale: each(a.stale, b.stale),
    redelivered: each(a.redelivered, b.redelivered),
    deadLettered: each(a.deadLettered, b.deadLettered),
  }
}

/** Of two sources, or of one before and after it began anew. */
export function addSettlements(a: SettlementCounts, b: SettlementCounts): SettlementCounts {
  return zipSettlements(a, b, (x, y) => x + y)
}
