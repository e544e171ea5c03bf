/** The interpreter that has delta-rs. */
export const deltaRsPython: string
/** Why there is no delta-rs, in words for the user; `undefined` when there is. */
export function missingDeltaRs(): string | undefined
