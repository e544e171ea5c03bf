/** The interpreter that has PySpark. */
export const deltaSparkPython: string
/** The folder of Delta's jars. */
export const deltaJars: string
/** What is missing, in words for the user; `undefined` when all is there. */
export function missingDeltaSpark(): string | undefined
