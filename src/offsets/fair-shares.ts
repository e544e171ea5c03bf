/**
 * Shares a whole number among takers: none gets more than it wants, none goes without as long as there is one each, those who want more
 * than they get differ by one at most, and nothing is left over while somebody wants it.
 * @param wants whole numbers or Infinity.
 * @param turn who is first when it doesn't come out even; change it from round to round, or the same ones always go without.
 */
export function fairShares(total: number, wants: readonly number[], turn: number): readonly number[] {
  if (total === Infinity) return wants.map(() => Infinity)
  const shares = wants.map(() => 0)
  const inTurn = wants.map((_, index) => (index + turn) % wants.length)
  let left = total
  while (left > 0) {
    const hungry = inTurn.filter((index) => shareOf(index) < wantOf(index))
    if (hungry.length === 0) break
    const even = Math.max(1, Math.floor(left / hungry.length))
    for (const index of hungry) {
      const more = Math.min(even, left, wantOf(index) - shareOf(index))
      shares[index] = shareOf(index) + more
      left -= more
    }
  }
  return shares

  function shareOf(index: number): number {
    return shares[index] ?? 0
  }
  function wantOf(index: number): number {
    return wants[index] ?? 0
  }
}
