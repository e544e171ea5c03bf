/** Of Spark. */
export const sparkVersion: string
/** The interpreter that has PySpark. */
export const sparkPython: string
/** What is missing, in words for the user; `undefined` when all is there. */
export function missingForSpark(): string | undefined
