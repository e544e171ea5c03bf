/** Whether a version, such as `process.versions.node`, is older than the package and its scripts need. */
export function isTooOld(version: string): boolean
/** What to say where a Node that is too old was found. @param found the version, and where it was found. */
export function tooOldMessage(found: string): string
